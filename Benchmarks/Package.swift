// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what measures does not weigh on the product.

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// What is measured.
func ours(_ names: String...) -> [Target.Dependency] {
    names.map { .product(name: $0, package: "sallyport") }
}

let package = Package(
    name: "sallyport-benchmarks",
    dependencies: [.package(name: "sallyport", path: "..")],
    targets: [
        .target(name: "AllocationCounter", cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "Samples",
            dependencies: ours(
                "AuditRecords", "Crypto", "Primitives"),
            swiftSettings: settings),
        .executableTarget(
            name: "WriterRate",
            dependencies: ["Samples"]
                + ours(
                    "Primitives", "Crypto", "LinuxIO", "AuditRecords", "AuditRings", "AuditWriter"),
            swiftSettings: settings),
        .executableTarget(
            name: "Micro",
            dependencies: ["AllocationCounter", "Samples"]
                + ours(
                    "Primitives", "Crypto", "LinuxIO", "TLS", "HTTP", "Authentication",
                    "Authorization", "RateLimiting", "AuditRecords", "AuditRings", "AuditSegments",
                    "Upstream", "RequestFlow"),
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
