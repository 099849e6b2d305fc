import Authentication
import Primitives

/// A run of entries in one of the policy's flat tables.
struct TableRange: BitwiseCopyable {
    var start: Int32
    var count: Int32
}

/// One route in the form that requests are matched against.
struct CompiledRoute: BitwiseCopyable {
    var methods: UInt16 = 0
    var isAnyMethod = true
    var hasHost = false
    var isHostWildcard = false
    var isOpen = false
    var acceptsCertificate = false
    var level: UInt8 = 0
    var mode: UInt8 = 0
    var target = RouteTarget.respond(status: 0)
    var issuers = IssuerSet()
    var host = ByteRange.empty
    /// The path's steps, in the text; see `PathStep`.
    var path = ByteRange.empty
    /// Extension methods, in the text: each a length byte and the bytes.
    var otherMethods = ByteRange.empty
    var name = ByteRange.empty
    var body = ByteRange.empty
    var contentType = ByteRange.empty
    var rules = TableRange(start: 0, count: 0)
    var limits = TableRange(start: 0, count: 0)
    var settings = TableRange(start: 0, count: 0)
    var removals = TableRange(start: 0, count: 0)
}

/// One field to set, in compiled form.
struct CompiledHeader: BitwiseCopyable {
    var name: ByteRange
    var parts: TableRange
}

/// The steps that a path pattern becomes: a kind byte each.
enum PathStep {
    /// A big-endian 16-bit length and that many bytes, slashes included.
    static let literal: UInt8 = 1
    /// One segment that is not empty.
    static let one: UInt8 = 2
    /// The end, or a slash and whatever follows.
    static let rest: UInt8 = 3
    /// The end.
    static let end: UInt8 = 4
}

/// Entries that are written once and then only read.
@safe
struct FlatTable<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    // Sendable: nothing changes after init.
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        unsafe base = .allocate(capacity: max(count, 1))
        for (index, element) in elements.enumerated() {
            unsafe (base + index).initialize(to: element)
        }
    }

    deinit {
        unsafe base.deallocate()
    }

    subscript(index: Int) -> Element {
        precondition(index >= 0 && index < count)
        // Safe: the index was just checked.
        return unsafe base[index]
    }
}
