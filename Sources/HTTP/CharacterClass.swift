import Primitives

/// What a byte may be in a message: classes of RFC 9110 §5.6.2 and RFC 3986 §2 and §3.
///
/// One table of 256 entries; an entry is an ASCII character whose low five bits are the classes.
@safe
struct CharacterClass {
    /// `tchar` (RFC 9110 §5.6.2): field names and methods.
    static let token: UInt8 = 1
    /// `pchar` without percent-encoding (RFC 3986 §3.3).
    static let path: UInt8 = 2
    /// `pchar`, `/`, `?`, and what browsers leave as it is in a query: brackets, braces,
    /// `\\`, `^`, `|` and the backtick. Wider than RFC 3986 §3.4, because a query decides no route.
    static let query: UInt8 = 4
    /// `unreserved` (RFC 3986 §2.3): the same with and without percent-encoding.
    static let unreserved: UInt8 = 8
    /// Letters, digits, `-`, `.` and `_`: stricter than `reg-name` (RFC 3986 §3.2.2).
    static let host: UInt8 = 16

    private let entries: UnsafePointer<UInt8>

    /// The table; take it once before a loop.
    @inline(__always)
    init() {
        let table: StaticString = """
            @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@G@AGAGGFFGGF__D__________FF@F@D\
            F__________________________DDDE_E__________________________DEDO@\
            @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\
            @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
            """
        // Safe: a StaticString's bytes live as long as the program; there are 256, so that every
        // byte has its entry (a test counts them).
        unsafe entries = table.utf8Start
    }

    /// Whether `byte` belongs to any class of `classes`.
    @inline(__always)
    func contains(_ byte: UInt8, _ classes: UInt8) -> Bool {
        unsafe entries[Int(byte)] & classes != 0
    }
}
