// swift-tools-version: 6.1
import PackageDescription

// The readers under libFuzzer. A package of its own, because everything in it is built with coverage and a sanitizer;
// run.sh gives the flags.
let package = Package(
    name: "LucencyFuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Lucency", path: "../..")],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "lucency-fuzz", dependencies: ["CFuzzer", .product(name: "Lucency", package: "Lucency")]),
    ]
)
