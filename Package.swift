// swift-tools-version: 6.2
import PackageDescription

// Targets are flat and import only downwards; docs/architecture.md draws the arrows.

/// Strict memory safety is an error; every `unsafe` is written out and explained.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Without it, calls across targets are not specialised: byte loops run about 90 times slower.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, swiftSettings: [.treatAllWarnings(as: .error)])
}

/// A fuzz target: replays its corpus, or is libFuzzer's when built with `-DFUZZING` and
/// `--sanitize=fuzzer`.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Tests/Fuzz/\(name)",
        swiftSettings: [.treatAllWarnings(as: .error)])
}

let package = Package(
    name: "sallyport",
    products: [
        .executable(name: "sallyport", targets: ["sallyport"]),
        .executable(name: "sallyport-audit", targets: ["sallyport-audit"]),
    ]
        // What Benchmarks/, a package of its own, measures.
        + [
            "Primitives", "Crypto", "LinuxIO", "TLS", "HTTP", "Authentication", "Authorization",
            "RateLimiting",
            "AuditRecords", "AuditRings", "AuditSegments", "AuditWriter", "Upstream",
            "RequestFlow",
        ].map { .library(name: $0, targets: [$0]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
        .target(name: "CLinux"),
        .target(name: "COpenSSLMemory", dependencies: ["COpenSSL"]),

        library("Primitives"),
        library("LinuxIO", ["CLinux", "Primitives"]),
        library("Crypto", ["COpenSSL", "COpenSSLMemory", "Primitives"]),
        library("TLS", ["COpenSSL", "COpenSSLMemory", "Crypto", "LinuxIO", "Primitives"]),
        library("HTTP", ["Primitives"]),
        library("Authentication", ["HTTP", "Crypto", "Primitives"]),
        library("Authorization", ["Authentication", "HTTP", "Primitives"]),
        library("RateLimiting", ["Authentication", "Primitives"]),
        library("Upstream", ["HTTP", "Primitives"]),
        library("Systemd", ["CSystemd", "LinuxIO", "Primitives"]),
        library("Monitoring", ["HTTP", "LinuxIO", "Primitives"]),
        library("AuditRecords", ["Primitives"]),
        library("AuditRings", ["Primitives"]),
        library("AuditSegments", ["Crypto", "AuditRecords", "CZstd", "Primitives"]),
        library(
            "AuditWriter",
            ["LinuxIO", "AuditRings", "AuditSegments", "AuditRecords", "Crypto", "Primitives"]),
        library(
            "AuditPublishing",
            [
                "CCurl", "CSystemd", "LinuxIO", "AuditWriter", "AuditSegments", "AuditRecords",
                "Crypto", "Primitives",
            ]),
        library(
            "RequestFlow",
            [
                "HTTP", "Authentication", "Authorization", "RateLimiting", "Upstream",
                "AuditRecords", "Crypto", "Primitives",
            ]),
        library(
            "Settings",
            [
                "TLS", "Authentication", "Authorization", "RateLimiting", "Upstream",
                "AuditRecords", "AuditSegments",
                "Crypto", "HTTP", "LinuxIO",
                "Primitives", .product(name: "Yams", package: "Yams"),
            ]),
        library(
            "Worker",
            [
                "LinuxIO", "TLS", "RequestFlow", "AuditRings", "AuditRecords", "HTTP",
                "Authentication",
                "Authorization",
                "RateLimiting", "Upstream", "Primitives", "Crypto",
            ]),
        library(
            "Supervisor",
            [
                "Settings", "Worker", "TLS", "Systemd", "AuditPublishing", "AuditWriter",
                "AuditSegments",
                "LinuxIO",
                "Authentication", "Monitoring",
                "Authorization", "RateLimiting",
                "Upstream", "AuditRecords", "AuditRings", "RequestFlow", "Crypto", "HTTP",
                "Primitives",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "sallyport",
            dependencies: [
                "Supervisor", "Settings", "TLS", "Authentication", "Authorization",
                "AuditSegments", "AuditWriter",
                "Crypto", "LinuxIO", "HTTP",
                "Upstream", "RateLimiting", "AuditRecords", "Primitives",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "sallyport-audit",
            dependencies: [
                "AuditSegments", "AuditRecords", "LinuxIO", "Crypto", "Primitives",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        tests("PrimitivesTests", ["Primitives"]),
        tests("LinuxIOTests", ["LinuxIO", "Primitives"]),
        tests("CryptoTests", ["Crypto", "FuzzAge", "FuzzHTTP", "Primitives"]),
        tests(
            "TLSTests",
            [
                "TLS", "COpenSSL", "COpenSSLMemory", "Crypto", "FuzzHTTP", "FuzzTLS", "LinuxIO",
                "Primitives",
            ]),
        tests("HTTPTests", ["HTTP", "FuzzHTTP", "Primitives"]),
        tests(
            "AuthenticationTests",
            ["Authentication", "Crypto", "FuzzHTTP", "FuzzTokens", "HTTP", "Primitives"]),
        tests("AuthorizationTests", ["Authorization", "Authentication", "HTTP", "Primitives"]),
        tests("RateLimitingTests", ["RateLimiting", "Authentication", "Primitives"]),
        tests("UpstreamTests", ["Upstream", "HTTP", "Primitives"]),
        tests("SystemdTests", ["Systemd", "LinuxIO", "Primitives"]),
        tests("MonitoringTests", ["Monitoring", "HTTP", "LinuxIO", "Primitives"]),
        tests("AuditRecordsTests", ["AuditRecords", "Primitives"]),
        tests("AuditRingsTests", ["AuditRings", "AuditRecords", "Primitives"]),
        tests(
            "AuditSegmentsTests",
            ["AuditSegments", "AuditRecords", "Crypto", "FuzzAudit", "FuzzHTTP", "Primitives"]),
        tests(
            "AuditWriterTests",
            [
                "AuditWriter", "AuditSegments", "AuditRecords", "AuditRings", "Crypto", "LinuxIO",
                "Primitives",
            ]),
        tests(
            "AuditPublishingTests",
            [
                "AuditPublishing", "AuditWriter", "AuditSegments", "AuditRecords", "Crypto",
                "LinuxIO", "Primitives",
            ]),
        tests(
            "RequestFlowTests",
            [
                "RequestFlow", "HTTP", "Authentication", "Authorization", "RateLimiting",
                "Upstream", "AuditRecords", "Crypto", "Primitives",
            ]),
        tests(
            "SettingsTests",
            [
                "Settings", "TLS", "Authentication", "Authorization", "RateLimiting", "Upstream",
                "AuditRecords", "Crypto", "HTTP", "Primitives",
            ]),
        tests("WorkerTests", ["Worker", "AuditRecords", "AuditRings", "Primitives"]),
        tests(
            "SupervisorTests",
            [
                "Supervisor", "TLS", "AuditRecords", "AuditRings", "Crypto", "LinuxIO",
                "Monitoring", "Primitives", "Settings", "Systemd", "Worker",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "AuditToolTests",
            [
                "sallyport-audit", "AuditSegments", "AuditRecords", "Crypto", "LinuxIO",
                "Primitives",
            ]),
        tests("TidyTests", []),

        .target(
            name: "FuzzHTTP", dependencies: ["HTTP", "Primitives"], path: "Tests/Fuzz/HTTP",
            swiftSettings: [.treatAllWarnings(as: .error)]),
        .target(
            name: "FuzzTokens", dependencies: ["Authentication", "Crypto", "Primitives"],
            path: "Tests/Fuzz/Tokens", swiftSettings: [.treatAllWarnings(as: .error)]),
        .target(
            name: "FuzzTLS", dependencies: ["TLS", "Crypto", "Primitives"],
            path: "Tests/Fuzz/TLS", swiftSettings: [.treatAllWarnings(as: .error)]),
        .target(
            name: "FuzzAge", dependencies: ["Crypto"], path: "Tests/Fuzz/Age",
            swiftSettings: [.treatAllWarnings(as: .error)]),
        .target(
            name: "FuzzAudit",
            dependencies: ["AuditSegments", "AuditRecords", "Crypto", "Primitives"],
            path: "Tests/Fuzz/Audit", swiftSettings: [.treatAllWarnings(as: .error)]),
        fuzzer("FuzzRequestHead", ["FuzzHTTP"]),
        fuzzer("FuzzResponseHead", ["FuzzHTTP"]),
        fuzzer("FuzzBodyDecoder", ["FuzzHTTP"]),
        fuzzer("FuzzJSONReader", ["FuzzHTTP", "FuzzTokens"]),
        fuzzer("FuzzToken", ["FuzzHTTP", "FuzzTokens"]),
        fuzzer("FuzzClientHello", ["FuzzHTTP", "FuzzTLS"]),
        fuzzer("FuzzServerName", ["FuzzHTTP", "FuzzTLS"]),
        fuzzer("FuzzAgeHeader", ["FuzzHTTP", "FuzzAge"]),
        fuzzer("FuzzBech32", ["FuzzHTTP", "FuzzAge"]),
        fuzzer("FuzzAuditText", ["FuzzHTTP", "FuzzAudit"]),
        fuzzer("FuzzFrames", ["FuzzHTTP", "FuzzAudit"]),
        fuzzer("FuzzSettings", ["FuzzHTTP", "Settings"]),
    ],
    swiftLanguageModes: [.v6]
)
