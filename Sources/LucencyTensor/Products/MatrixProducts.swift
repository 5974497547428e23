import COpenBLAS
import LucencyFoundation

/// Products of matrices: OpenBLAS where it is installed, a plain loop where it is not or where the kernels are `portable`.
///
/// OpenBLAS runs in the calling thread only; whoever has a large product cuts it into tiles by its shape. Its results
/// depend, in the last bits, on the core whose kernels it runs, so `description` belongs in the record of a run.
public enum MatrixProducts {
    /// What multiplies with kernels other than `portable`: "OpenBLAS 0.3.21, SkylakeX", or why it is not there.
    public static var description: String {
        switch library {
        case .loaded(let version, let core): "OpenBLAS \(version), \(core)"
        case .missing: "portable (libopenblas.so.0 was not found)"
        case .unsuitable: "portable (this OpenBLAS cannot be called from several threads)"
        }
    }

    /// Whether OpenBLAS multiplies with kernels other than `portable`.
    public static var usesOpenBLAS: Bool { if case .loaded = library { true } else { false } }

    private enum Library {
        case loaded(version: String, core: String)
        case missing, unsuitable
    }

    /// Loads the library at first use.
    private static let library: Library = {
        switch Int(lblas_load()) {
        case LBLAS_LOADED:
            // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …"
            let words = String(cString: lblas_config()).split(separator: " ")
            return .loaded(version: words.count > 1 ? String(words[1]) : "?", core: String(cString: lblas_core()))
        case LBLAS_UNSUITABLE: return .unsuitable
        default: return .missing
        }
    }()

    /// result = scale · a · b, or that added to what is there, in the calling thread.
    ///
    /// - Parameters:
    ///   - a: `rows` × `inner`. - b: `inner` × `columns`. Their transposes lie in memory where they say so.
    ///   - stride: floats between rows of the result.
    static func multiply(
        _ a: Matrix, _ b: Matrix, into result: UnsafeMutablePointer<Float>, stride: Int, rows: Int, columns: Int,
        inner: Int, scale: Float = 1, accumulates: Bool = false, family: KernelFamily
    ) {
        let largest = max(max(rows, columns, inner), max(a.stride, b.stride, stride))
        if family != .portable, usesOpenBLAS, largest <= Int32.max {
            _ = lblas_sgemm(
                a.isTransposed ? 1 : 0, b.isTransposed ? 1 : 0, Int32(rows), Int32(columns), Int32(inner), scale,
                a.base, Int32(a.stride), b.base, Int32(b.stride), accumulates ? 1 : 0, result, Int32(stride))
        } else {
            PortableProduct.multiply(
                a, b, into: result, stride: stride, rows: rows, columns: columns, inner: inner, scale: scale,
                accumulates: accumulates)
        }
    }
}

/// A matrix in memory: a pointer, the floats between its rows there, and whether those rows are its columns.
struct Matrix: @unchecked Sendable {
    // Sendable by hand: only read.
    let base: UnsafePointer<Float>
    let stride: Int
    let isTransposed: Bool

    init(_ base: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
        self.base = base
        self.stride = stride
        self.isTransposed = isTransposed
    }

    /// The part that begins at a row and a column.
    func from(row: Int = 0, column: Int = 0) -> Matrix {
        let offset = isTransposed ? column * stride + row : row * stride + column
        return Matrix(base + offset, stride: stride, isTransposed: isTransposed)
    }

    func offset(by floats: Int) -> Matrix { Matrix(base + floats, stride: stride, isTransposed: isTransposed) }

    var transposed: Matrix { Matrix(base, stride: stride, isTransposed: !isTransposed) }
}

/// A number of matrices of one size, each `step` floats behind the one before; 0 where all share one.
struct MatrixBatch: Sendable {
    let matrix: Matrix
    let step: Int

    init(_ matrix: Matrix, step: Int = 0) {
        self.matrix = matrix
        self.step = step
    }

    subscript(index: Int) -> Matrix { matrix.offset(by: index * step) }
}

/// How a product is cut into tiles for several threads: by its shape alone, as another cut would change last bits.
struct ProductTiles: Sendable {
    static let height = 128, width = 256

    let rows: Int
    let columns: Int

    private var across: Int { (columns + Self.width - 1) / Self.width }
    var count: Int { (rows + Self.height - 1) / Self.height * across }

    subscript(index: Int) -> (row: Int, column: Int, rows: Int, columns: Int) {
        let row = index / across * Self.height, column = index % across * Self.width
        return (row, column, min(Self.height, rows - row), min(Self.width, columns - column))
    }
}

extension OperationContext {
    /// result[i] = a[i] · b[i] for every matrix of a batch, or added to what is there. Where the results share one place
    /// (`step` 0), it gets the sum over the batch, in its order.
    func multiply(
        _ a: MatrixBatch, _ b: MatrixBatch, into result: UnsafeMutablePointer<Float>, step: Int = 0, batch: Int = 1,
        rows: Int, columns: Int, inner: Int, accumulates: Bool = false
    ) {
        let tiles = ProductTiles(rows: rows, columns: columns), family = signature.kernels.family
        let result = SharedPointer(result)
        // Either each matrix has its tiles, or each tile adds up all matrices.
        let places = step == 0 ? 1 : batch, terms = step == 0 ? batch : 1
        parallel(places * tiles.count) { index in
            let tile = tiles[index % tiles.count], place = index / tiles.count
            for term in 0..<terms {
                let number = place + term
                MatrixProducts.multiply(
                    a[number].from(row: tile.row), b[number].from(column: tile.column),
                    into: result + (place * step + tile.row * columns + tile.column), stride: columns, rows: tile.rows,
                    columns: tile.columns, inner: inner, accumulates: accumulates || term > 0, family: family)
            }
        }
    }
}
