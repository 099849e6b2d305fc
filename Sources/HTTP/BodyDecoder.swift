import Primitives

/// What the next bytes of a body are; ranges lie in the bytes that `next` was given.
public enum BodyStep: Equatable, Sendable {
    /// Nothing more can be told: drop `consumed` bytes and come back with more.
    case needMore(consumed: Int)
    /// Data of the body, perhaps not all of its chunk; framing is never among it.
    case data(ByteRange, consumed: Int)
    /// A field of the trailer section (RFC 9110 §6.5).
    case trailer(name: ByteRange, value: ByteRange, consumed: Int)
    /// The body is over; what stands behind `consumed` bytes belongs to the next message.
    case end(consumed: Int)
}

/// Takes the framing off a body (RFC 9112 §6, §7.1), a step at a time, without buffering.
///
/// Stricter than RFC 9112 §7.1: white space around a chunk-size is refused, and chunk lines may
/// not outweigh their data by more than a limit. Chunk extensions are skipped and go nowhere.
public struct BodyDecoder: Sendable {
    private enum State: Equatable {
        case length(Int64)
        case chunkLine
        case chunkData(Int64)
        case chunkEnd
        case trailers
        case untilClose
        case ended
    }

    private var state: State
    private let lineLimit: Int
    private var overheadLeft: Int
    private var trailerBytesLeft: Int
    private var trailersLeft: Int

    /// A decoder for one body.
    public init(_ framing: BodyFraming, limits: HTTPLimits) {
        switch framing {
        case .none, .length(0): state = .ended
        case .length(let count):
            precondition(count > 0)
            state = .length(count)
        case .chunked: state = .chunkLine
        case .untilClose: state = .untilClose
        }
        lineLimit = limits.chunkLineBytes
        overheadLeft = limits.chunkOverheadBytes
        trailerBytesLeft = limits.trailerBytes
        trailersLeft = limits.fieldCount
    }

    /// Whether the body is over.
    public var isAtEnd: Bool { state == .ended }

    /// The next step in `bytes`, which begin with the first byte that is not consumed.
    public mutating func next(_ bytes: Span<UInt8>) throws(HTTPError) -> BodyStep {
        var position = 0
        while true {
            switch state {
            case .ended:
                return .end(consumed: position)
            case .untilClose:
                guard !bytes.isEmpty else { return .needMore(consumed: 0) }
                return .data(ByteRange(start: 0, count: bytes.count), consumed: bytes.count)
            case .length(let left):
                guard !bytes.isEmpty else { return .needMore(consumed: 0) }
                let count = bytes.count < left ? bytes.count : Int(left)
                state = Int64(count) == left ? .ended : .length(left - Int64(count))
                return .data(ByteRange(start: 0, count: count), consumed: count)
            case .chunkData(let left):
                let available = bytes.count &- position
                guard available > 0 else { return .needMore(consumed: position) }
                let count = available < left ? available : Int(left)
                state = Int64(count) == left ? .chunkEnd : .chunkData(left - Int64(count))
                let range = ByteRange(start: position, count: count)
                return .data(range, consumed: position &+ count)
            case .chunkEnd:
                guard try takeChunkEnd(bytes, at: &position) else {
                    return .needMore(consumed: position)
                }
            case .chunkLine:
                guard try takeChunkLine(bytes, at: &position) else {
                    return .needMore(consumed: position)
                }
            case .trailers:
                return try takeTrailer(bytes, from: position)
            }
        }
    }

    /// The connection closed for reading.
    ///
    /// - Throws: `bodyTruncated` when the body was not over (RFC 9112 §8).
    public mutating func endOfStream() throws(HTTPError) {
        guard state == .ended || state == .untilClose else { throw .bodyTruncated }
        state = .ended
    }

    private mutating func takeChunkEnd(
        _ bytes: Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> Bool {
        guard position < bytes.count else { return false }
        guard bytes[position] == .carriageReturn else { throw .chunkEndMalformed }
        guard position &+ 1 < bytes.count else { return false }
        guard bytes[position &+ 1] == .lineFeed else { throw .chunkEndMalformed }
        position &+= 2
        state = .chunkLine
        return true
    }

    /// `chunk-size [chunk-ext] CRLF`: hexadecimal digits, then the line's end or `;`.
    private mutating func takeChunkLine(
        _ bytes: Span<UInt8>, at position: inout Int
    ) throws(HTTPError) -> Bool {
        let window = bytes.extracting(position..<bytes.count).extracting(first: lineLimit)
        var size: UInt64 = 0
        var offset = 0
        while offset < window.count, let digit = window[offset].hexValue {
            guard size >> 59 == 0 else { throw .chunkSizeOverflow }
            size = size << 4 | UInt64(digit)
            offset &+= 1
        }
        if offset < window.count {
            let next = window[offset]
            guard offset > 0, next == .carriageReturn || next == .semicolon else {
                throw .chunkLineMalformed
            }
        }
        guard let end = try LineEnd.find(window, from: offset, refusal: .chunkLineMalformed) else {
            guard window.count < lineLimit else { throw .chunkLineTooLong }
            return false
        }
        // A chunk of 16 bytes or more pays for a short line and its CRLFs.
        let overhead = end &+ 4 &- 16 &- Int(clamping: size)
        if overhead > -16 {
            overheadLeft &-= overhead
            guard overheadLeft >= 0 else { throw .chunkLineTooLong }
        }
        position &+= end &+ 2
        state = size == 0 ? .trailers : .chunkData(Int64(size))
        return true
    }

    /// One line of the trailer section, or its end. Fields that frame, route or authenticate
    /// must not come so late (RFC 9110 §6.5.1) and are dropped here, and with them names that
    /// hold `_`, which some servers read as a hyphen.
    private mutating func takeTrailer(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(HTTPError) -> BodyStep {
        var position = start
        while true {
            let window = bytes.extracting(first: position &+ trailerBytesLeft)
            let isCut = window.count < bytes.count || trailerBytesLeft <= window.count &- position
            guard position < window.count else {
                if isCut { throw .trailersTooLarge }
                return .needMore(consumed: position)
            }
            if window[position] == .carriageReturn {
                guard position &+ 1 < window.count else {
                    if isCut { throw .trailersTooLarge }
                    return .needMore(consumed: position)
                }
                guard window[position &+ 1] == .lineFeed else { throw .fieldMalformed }
                state = .ended
                return .end(consumed: position &+ 2)
            }
            guard let line = try FieldLine.parse(window, from: position) else {
                if isCut { throw .trailersTooLarge }
                return .needMore(consumed: position)
            }
            guard trailersLeft > 0 else { throw .trailersTooLarge }
            trailersLeft &-= 1
            trailerBytesLeft &-= line.end &- position
            position = line.end
            let name = window.extracting(line.name)
            if FieldName(name).isAllowedInTrailers, !name.hasUnderscore {
                return .trailer(name: line.name, value: line.value, consumed: position)
            }
        }
    }
}

extension FieldName {
    /// Whether a trailer of that name may go on: only fields that the proxy has no meaning for,
    /// so nothing that frames, routes, authenticates or controls (RFC 9110 §6.5.1).
    public var isAllowedInTrailers: Bool {
        self == .other
    }
}
