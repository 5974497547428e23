import LucencyFoundation

/// Tells files apart by the true folder and the name in it: that entry is what a new file replaces.
struct TruePaths {
    private var folders: [String: String] = [:]

    /// The path with symbolic links in its folder followed. Folders that are not there yet count by their names.
    mutating func entry(_ path: String) -> String {
        FileSystem.join(folder(FileSystem.folder(of: path)), FileSystem.name(of: path))
    }

    private mutating func folder(_ path: String) -> String {
        if let known = folders[path] { return known }
        var existing = path
        var missing: [String] = []
        var resolved = FileSystem.resolved(existing)
        while resolved == nil {
            let parent = FileSystem.folder(of: existing)
            guard parent != existing else { break }
            missing.append(FileSystem.name(of: existing))
            existing = parent
            resolved = FileSystem.resolved(existing)
        }
        let folder = missing.reversed().reduce(resolved ?? existing) { FileSystem.join($0, $1) }
        folders[path] = folder
        return folder
    }
}
