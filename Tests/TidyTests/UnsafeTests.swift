import Testing

/// `unsafe` stays in the files named here, each of which says why it is safe (style, rule 21).
///
/// The compiler refuses an unsafe expression that is not marked. This list makes a new place for
/// one a decision that a review sees.
@Suite struct UnsafeTests {
    /// Files that may say `unsafe`, by target.
    static let allowed: [String: Set<String>] = [
        // Memory that two threads share.
        "AuditRings": ["AuditStatus", "RingConsumer", "RingProducer", "RingStorage"],
        "RateLimiting": ["LimitTable"],
        // Fixed memory behind checked types.
        "AuditRecords": ["Fragments"],
        "Authentication": ["TokenCache"],
        "Authorization": ["CompiledPolicy", "PolicyMemory"],
        "HTTP": ["CharacterClass", "FieldTable", "RequestTarget"],
        "Primitives": [
            "Base64", "BufferPool", "ByteBuffer", "ByteWriter", "ByteWriter+Integers", "CRC32C",
            "JSONText", "PreparedWriter", "Slab", "SpanSearch", "TimerWheel",
        ],
        "RequestFlow": ["IdentityFields"],
        "Upstream": ["IdlePool", "RoundRobin"],
        "Worker": ["ClientConnection", "ReadyQueue", "RequestMeter"],
        // zstd takes pointers.
        "AuditSegments": ["BatchEncoder", "CanonicalObject", "LogTree", "SealedBatch"],
        "AuditWriter": ["LogWriter"],
        // libcurl and libsystemd take pointers.
        "AuditPublishing": ["JournalReader", "WebClient"],
    ]

    /// Targets whose one purpose is to wrap pointers: OpenSSL's and the kernel's.
    static let wrappers: Set<String> = ["Crypto", "LinuxIO", "Systemd", "TLS"]

    @Test func `unsafe is said only in listed files`() {
        for file in SourceTree.current.swift(below: "Sources") where file.saysUnsafe {
            #expect(
                Self.wrappers.contains(file.target)
                    || Self.allowed[file.target, default: []].contains(file.name),
                "\(file.path) says unsafe and is not listed in UnsafeTests")
        }
    }

    @Test func `each listed file still says unsafe`() {
        let saying = SourceTree.current.swift(below: "Sources").filter(\.saysUnsafe)
        for (target, names) in Self.allowed {
            for name in names {
                #expect(
                    saying.contains { $0.target == target && $0.name == name },
                    "\(target)/\(name).swift no longer says unsafe: take it off the list")
            }
        }
    }

    /// Once for the file where one reason holds for all of it (one buffer, one bound), else at
    /// each place; which of the two is for a reader to judge.
    @Test func `a file that says unsafe says why it is safe`() {
        for file in SourceTree.current.swift(below: "Sources") where file.saysUnsafe {
            #expect(
                file.lines.contains { $0.contains("Safe: ") },
                "\(file.path) has no `Safe: ` comment")
        }
    }
}

extension SourceTree.File {
    var saysUnsafe: Bool {
        code.contains { $0.text.words.contains("unsafe") }
    }
}
