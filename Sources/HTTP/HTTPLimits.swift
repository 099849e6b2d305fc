/// Bounds of one message's framing; each is reached by a refusal, never by growth.
public struct HTTPLimits: Sendable, Equatable {
    /// Longest request line or status line, CRLF included.
    public var requestLineBytes = 8192
    /// Longest head, from the start line to the empty line's end.
    public var headBytes = 16384
    /// Most field lines in a head, and most in a trailer section.
    public var fieldCount = 100
    /// Longest trailer section, its empty line included.
    public var trailerBytes = 4096
    /// Longest chunk-size line, extensions and CRLF included.
    public var chunkLineBytes = 256
    /// Most options that the Connection fields of a head may hold together.
    public var connectionOptionCount = 16
    /// How many bytes of chunk lines may exceed the data that they carry, over a whole body.
    public var chunkOverheadBytes = 16384

    /// The defaults.
    public init() {}
}
