import Testing

/// Who may import what: the arrows of Package.swift, and what lies outside it.
@Suite struct ImportTests {
    /// Modules that are not ours, each with the targets that may import it.
    static let outside: [String: Set<String>] = [
        "Glibc": ["LinuxIO"],
        "CLinux": ["LinuxIO"],
        "COpenSSL": ["Crypto", "TLS"],
        "COpenSSLMemory": ["Crypto", "TLS"],
        "CCurl": ["AuditPublishing"],
        "CSystemd": ["AuditPublishing", "Systemd"],
        "CZstd": ["AuditSegments"],
        "Yams": ["Settings"],
        "Logging": ["Supervisor"],
        "ArgumentParser": ["sallyport", "sallyport-audit"],
        "Foundation": [],
        "FoundationEssentials": [],
        "Dispatch": [],
    ]

    /// Part of the toolchain, so that Package.swift does not name it.
    static let everywhere: Set<String> = ["Synchronization", "Glibc"]

    @Test func `each import is declared in Package.swift`() {
        for file in SourceTree.current.swift(below: "Sources") {
            let declared = Manifest.current.dependencies[file.target, default: []]
            for (line, module) in file.imports where Self.everywhere.contains(module) == false {
                #expect(
                    declared.contains(module),
                    "\(file.path):\(line) imports \(module), which Package.swift does not say")
            }
        }
    }

    @Test func `what is not ours is imported only where its wrapper lives`() {
        for file in SourceTree.current.swift(below: "Sources") {
            for (line, module) in file.imports {
                guard let targets = Self.outside[module] else { continue }
                #expect(
                    targets.contains(file.target),
                    "\(file.path):\(line) imports \(module); only \(targets.sorted()) may")
            }
        }
    }

    @Test func `only the threads and the programs touch the system`() {
        // Settings reads the files that a settings file names.
        let edges: Set<String> = [
            "TLS", "AuditPublishing", "AuditWriter", "Worker", "Monitoring", "Supervisor",
            "Settings", "Systemd", "sallyport",
            "sallyport-audit",
        ]
        for (target, dependencies) in Manifest.current.dependencies
        where dependencies.contains("LinuxIO") && target.hasSuffix("Tests") == false {
            #expect(edges.contains(target), "\(target) depends on LinuxIO")
        }
    }

    @Test func `Package.swift names every folder of Sources`() {
        for file in SourceTree.current.swift(below: "Sources") {
            #expect(Manifest.current.targets.contains(file.target), "\(file.path) is in no target")
        }
    }
}

extension SourceTree.File {
    /// Modules this file imports, with the line.
    var imports: [(line: Int, module: String)] {
        code.compactMap { line, text in
            let words = text.words
            guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
                words[..<place].allSatisfy(Self.importPrefixes.contains)
            else { return nil }
            let next = words[place + 1]
            let namesOne = Self.importKinds.contains(next) && place + 2 < words.count
            return (line, String(namesOne ? words[place + 2] : next))
        }
    }

    private static let importPrefixes: Set<Substring> = [
        "public", "package", "internal", "fileprivate", "private", "preconcurrency", "testable",
        "_implementationOnly", "_exported", "unsafe",
    ]
    private static let importKinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "func", "let", "var", "typealias",
    ]
}
