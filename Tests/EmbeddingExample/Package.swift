// swift-tools-version: 6.1
import PackageDescription

// A program of someone else's that embeds Lucency: it shows that the libraries work without pipelines and files.
let package = Package(
    name: "EmbeddingExample",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Lucency", path: "../..")],
    targets: [
        .executableTarget(name: "EmbeddingExample", dependencies: [.product(name: "Lucency", package: "Lucency")])
    ]
)
