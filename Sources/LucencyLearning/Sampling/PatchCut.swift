import LucencyFoundation
import LucencyImaging

/// What lies beyond the edge of an image. Labels there are always ignored, and maps are 0.
public enum Padding: Hashable, Sendable {
    /// A value for each channel; 0 for channels without one. For images that a pipeline normalises later, give the means
    /// that are taken away, so that zeros remain.
    case values([Double])
    /// The image mirrored at its edge.
    case mirror

    func value(of channel: Int) -> Float? {
        guard case .values(let values) = self else { return nil }
        return values.indices.contains(channel) ? Float(values[channel]) : 0
    }
}

/// Cuts a patch out of a sample, copying it or resampling it under a transform about the patch's middle.
struct PatchCut {
    /// The patch's first pixel in the sample (x, y, z), which may lie outside.
    let start: SIMD3<Int>
    let size: GridSize
    let padding: Padding
    /// nil, or the identity, copies.
    let transform: SpatialTransform.Drawn?

    func callAsFunction(_ source: Sample) throws(Diagnostic) -> Sample {
        let form = SampleForm(size: size, spacing: source.spacing, channels: source.channels)
        try transform?.check(for: form)
        guard let transform, !transform.isIdentity else {
            if start == .zero && size == source.size { return source }
            return try copy(source, form)
        }
        return try resample(source, form, transform)
    }

    private func copy(_ source: Sample, _ form: SampleForm) throws(Diagnostic) -> Sample {
        let isMirrored = padding == .mirror
        func copy<T>(
            _ values: AlignedBuffer<T>, _ planes: Int, mirrored: Bool, _ outside: (Int) -> T
        ) -> AlignedBuffer<T> {
            let from = source.size
            let xs = (0..<size.x).map { Self.index($0 + start.x, from.x, mirrored) }
            let first = max(0, min(size.x, -start.x)), end = max(first, min(size.x, from.x - start.x))
            return values.withUnsafeBufferPointer { old in
                AlignedBuffer(count: planes * size.count) { new in
                    var target = 0
                    for plane in 0..<planes {
                        let empty = outside(plane)
                        for z in 0..<size.z {
                            let fromZ = Self.index(z + start.z, from.z, mirrored)
                            for y in 0..<size.y {
                                let fromY = Self.index(y + start.y, from.y, mirrored)
                                let row = UnsafeMutableBufferPointer(rebasing: new[target..<target + size.x])
                                target += size.x
                                guard let fromZ, let fromY else {
                                    row.initialize(repeating: empty)
                                    continue
                                }
                                let base = ((plane * from.z + fromZ) * from.y + fromY) * from.x
                                for x in 0..<first { row[x] = xs[x].map { old[base + $0] } ?? empty }
                                for x in first..<end { row[x] = old[base &+ start.x &+ x] }
                                for x in end..<size.x { row[x] = xs[x].map { old[base + $0] } ?? empty }
                            }
                        }
                    }
                }
            }
        }
        return try Sample(
            name: source.name, form: form,
            image: copy(source.image, source.channels, mirrored: isMirrored) { padding.value(of: $0) ?? 0 },
            labels: copy(source.labels, 1, mirrored: false) { _ in LabelMap.ignoreLabel },
            maps: source.maps.map { map in
                SampleMap(
                    name: map.name, channels: map.channels,
                    values: copy(map.values, map.channels, mirrored: false) { _ in 0 })
            })
    }

    /// The pixel at a place, mirrored back where wanted; nil outside.
    private static func index(_ place: Int, _ count: Int, _ mirrored: Bool) -> Int? {
        if place >= 0 && place < count { return place }
        guard mirrored else { return nil }
        let phase = (place % (2 * count) + 2 * count) % (2 * count)
        return phase < count ? phase : 2 * count - 1 - phase
    }

    private func resample(_ source: Sample, _ form: SampleForm, _ drawn: SpatialTransform.Drawn) throws(Diagnostic)
        -> Sample
    {
        let map = SpatialMap(drawn, start: start, size: size, spacing: form.spacing)
        let count = size.count, width = size.x
        var image = AlignedBuffer<Float>(count: count * source.channels) { $0.initialize(repeating: 0) }
        var labels = AlignedBuffer<Int32>(count: count) { $0.initialize(repeating: LabelMap.ignoreLabel) }
        var maps = source.maps.map { map in
            AlignedBuffer<Float>(count: count * map.channels) { $0.initialize(repeating: 0) }
        }
        let reader = GridReader(size: source.size, interpolation: drawn.interpolation)
        let soft = GridReader(size: source.size, interpolation: .linear)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * width) { room in
            withUnsafeTemporaryAllocation(of: Bool.self, capacity: width) { flags in
                guard let places = room.baseAddress, let isOutside = flags.baseAddress else { return }
                let row = CoordinateRow(
                    x: places, y: places + width, z: places + 2 * width, isOutside: isOutside, count: width)
                func read(
                    _ reader: GridReader, _ values: AlignedBuffer<Float>, _ channels: Int, at offset: Int,
                    into target: inout AlignedBuffer<Float>, _ padding: Padding
                ) {
                    values.withUnsafeBufferPointer { old in
                        target.withUnsafeMutableBufferPointer { new in
                            guard let old = old.baseAddress, let new = new.baseAddress else { return }
                            for channel in 0..<channels {
                                reader.read(
                                    old + channel * source.size.count, at: row, outside: padding.value(of: channel),
                                    into: new + channel * count + offset)
                            }
                        }
                    }
                }
                for line in 0..<size.y * size.z {
                    map.row(line % size.y, line / size.y, into: row, shifts: places + 3 * width)
                    row.confine(to: source.size, mirrored: padding == .mirror)
                    let offset = line * width
                    read(reader, source.image, source.channels, at: offset, into: &image, padding)
                    source.labels.withUnsafeBufferPointer { old in
                        labels.withUnsafeMutableBufferPointer { new in
                            guard let old = old.baseAddress, let new = new.baseAddress else { return }
                            reader.labels(old, at: row, by: drawn.labelInterpolation, into: new + offset)
                        }
                    }
                    for (index, other) in source.maps.enumerated() {
                        read(soft, other.values, other.channels, at: offset, into: &maps[index], .values([]))
                    }
                }
            }
        }
        return try Sample(
            name: source.name, form: form, image: image, labels: labels,
            maps: zip(source.maps, maps).map { SampleMap(name: $0.name, channels: $0.channels, values: $1) })
    }
}
