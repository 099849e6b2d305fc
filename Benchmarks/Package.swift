// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what measures does not weigh on the product.

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

let package = Package(
    name: "sallyport-benchmarks",
    dependencies: [.package(name: "sallyport", path: "..")],
    targets: [
        .target(name: "AllocationCounter", cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "Samples",
            dependencies: [
                .product(name: "AuditRecords", package: "sallyport"),
                .product(name: "Crypto", package: "sallyport"),
                .product(name: "Primitives", package: "sallyport"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "WriterRate",
            dependencies: [
                "Samples",
                .product(name: "Primitives", package: "sallyport"),
                .product(name: "Crypto", package: "sallyport"),
                .product(name: "LinuxIO", package: "sallyport"),
                .product(name: "AuditRecords", package: "sallyport"),
                .product(name: "AuditRings", package: "sallyport"),
                .product(name: "AuditWriter", package: "sallyport"),
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "Micro",
            dependencies: [
                "AllocationCounter", "Samples",
                .product(name: "Primitives", package: "sallyport"),
                .product(name: "Crypto", package: "sallyport"),
                .product(name: "LinuxIO", package: "sallyport"),
                .product(name: "TLS", package: "sallyport"),
                .product(name: "HTTP", package: "sallyport"),
                .product(name: "Authentication", package: "sallyport"),
                .product(name: "Authorization", package: "sallyport"),
                .product(name: "RateLimiting", package: "sallyport"),
                .product(name: "AuditRecords", package: "sallyport"),
                .product(name: "AuditRings", package: "sallyport"),
                .product(name: "AuditSegments", package: "sallyport"),
                .product(name: "Upstream", package: "sallyport"),
                .product(name: "RequestFlow", package: "sallyport"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
