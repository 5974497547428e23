// swift-tools-version: 6.1
import PackageDescription

// What `import Lucency` brings. Who imports it names these too, because a re-exported module that changed would otherwise
// not be noticed by an incremental build.
let reexported: [Target.Dependency] = [
    "LucencyStages", "LucencyPipeline", "LucencyReports", "LucencyLearning", "LucencyPhantoms", "LucencyNetworks",
    "LucencyCalibration", "LucencyMorphology", "LucencyTensor", "LucencyFourier", "LucencyFormats", "LucencyImaging",
    "LucencyFoundation",
]

// Arrows only point down: a target may import only what its `dependencies` name, and those stand further down here.
let package = Package(
    name: "Lucency",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "lucency", targets: ["LucencyCommand"]),
        .library(name: "Lucency", targets: ["Lucency"]),
    ],
    traits: [
        .default(enabledTraits: ["FFTW"]),
        .trait(
            name: "FFTW",
            description: "Fourier transforms by FFTW (libfftw3f), which is GPL; without it by our own."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The command line.
        .executableTarget(
            name: "LucencyCommand",
            dependencies: reexported + ["Lucency", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        .executableTarget(
            name: "lucency-bench",
            dependencies: reexported + ["Lucency", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            exclude: ["Peers"]),

        // What embedders import.
        .target(name: "Lucency", dependencies: reexported),

        // The graph.
        .target(
            name: "LucencyStages",
            dependencies: [
                "LucencyPipeline", "LucencyReports", "LucencyLearning", "LucencyPhantoms", "LucencyNetworks",
                "LucencyCalibration", "LucencyMorphology", "LucencyTensor", "LucencyFourier", "LucencyFormats",
                "LucencyImaging", "LucencyFoundation",
            ]),
        .target(
            name: "LucencyPipeline",
            dependencies: ["LucencyImaging", "LucencyFoundation", .product(name: "Yams", package: "Yams")]),

        // Algorithms and values.
        .target(name: "LucencyReports", dependencies: ["LucencyCalibration", "LucencyImaging", "LucencyFoundation"]),
        .target(
            name: "LucencyLearning",
            dependencies: [
                "LucencyNetworks", "LucencyTensor", "LucencyMorphology", "LucencyImaging", "LucencyFoundation",
            ]),
        .target(
            name: "LucencyPhantoms",
            dependencies: ["LucencyMorphology", "LucencyFourier", "LucencyImaging", "LucencyFoundation"]),
        .target(
            name: "LucencyNetworks", dependencies: ["LucencyTensor", "LucencyImaging", "LucencyFoundation"]),
        .target(
            name: "LucencyCalibration", dependencies: ["LucencyMorphology", "LucencyImaging", "LucencyFoundation"]),
        .target(name: "LucencyMorphology", dependencies: ["LucencyImaging", "LucencyFoundation"]),
        .target(
            name: "LucencyTensor",
            dependencies: ["LucencyFourier", "LucencyKernels", "LucencyFoundation", "COpenBLAS"]),
        .target(
            name: "LucencyFourier",
            dependencies: [
                "LucencyImaging", "LucencyFoundation", .target(name: "CFFTW", condition: .when(traits: ["FFTW"])),
            ]),
        .target(
            name: "LucencyFormats",
            dependencies: ["LucencyImaging", "LucencyFoundation", "CPNG", "CTIFF", "CJPEG", "CZlib"]),
        .target(name: "LucencyImaging", dependencies: ["LucencyFoundation"]),
        .target(name: "LucencyFoundation", dependencies: ["CCrypto", "CMalloc"]),

        // SIMD kernels in C, one source for every instruction set.
        .target(name: "LucencyKernels"),

        // System libraries; the C targets are thin shims that keep longjmp and global handlers out of Swift.
        .target(
            name: "CPNG",
            linkerSettings: [
                .linkedLibrary("png16"), .linkedLibrary("z"), .linkedLibrary("dl", .when(platforms: [.linux])),
            ]),
        .target(name: "CTIFF", linkerSettings: [.linkedLibrary("tiff")]),
        .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
        // Loaded when first needed, so there is nothing to link but the loader.
        .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .systemLibrary(name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // Tests. `Support` holds tolerances, the golden loader and the command-line runner.
        .target(
            name: "Support", dependencies: ["LucencyTensor", "LucencyImaging", "LucencyFoundation"],
            path: "Tests/Support"),
        .testTarget(
            name: "LucencyTensorTests", dependencies: ["LucencyTensor", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(name: "LucencyKernelsTests", dependencies: ["LucencyKernels"]),
        .testTarget(
            name: "LucencyNetworksTests",
            dependencies: ["LucencyNetworks", "LucencyTensor", "LucencyImaging", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyLearningTests",
            dependencies: [
                "LucencyLearning", "LucencyNetworks", "LucencyTensor", "LucencyPhantoms", "LucencyImaging",
                "LucencyFoundation", "Support",
            ], exclude: ["Fixtures"]),
        .testTarget(name: "LucencyFoundationTests", dependencies: ["LucencyFoundation", "Support"]),
        .testTarget(
            name: "LucencyImagingTests", dependencies: ["LucencyImaging", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyFormatsTests",
            dependencies: ["LucencyFormats", "LucencyImaging", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyFourierTests",
            dependencies: ["LucencyFourier", "LucencyImaging", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyMorphologyTests",
            dependencies: ["LucencyMorphology", "LucencyImaging", "LucencyFoundation", "Support"], exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "LucencyCalibrationTests",
            dependencies: ["LucencyCalibration", "LucencyImaging", "LucencyFoundation", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyPhantomsTests",
            dependencies: [
                "LucencyPhantoms", "LucencyMorphology", "LucencyFourier", "LucencyImaging", "LucencyFoundation",
                "Support",
            ],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyReportsTests",
            dependencies: ["LucencyReports", "LucencyCalibration", "LucencyImaging", "LucencyFoundation", "Support"]),
        .testTarget(
            name: "LucencyPipelineTests",
            dependencies: reexported + ["Lucency", "Support"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "LucencyCommandTests",
            dependencies: reexported + ["Lucency", "LucencyCommand", "lucency-bench", "Support"]),
    ],
    cLanguageStandard: .c17
)
