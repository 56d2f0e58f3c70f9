internal import CBuild

/// What this program was built from.
public enum Build {
    /// The version of `coe` and of its Python packages, which read it from this line.
    public static let version = "2.0.0"
    /// The commit, abbreviated, with a plus sign where files were changed; `unknown` outside git. SwiftPM reads it with the
    /// manifest, which it keeps: a development build may name an earlier one.
    public static let commit = String(cString: coe_build_commit())
    /// What `--version` prints.
    public static let description = "\(version) (\(commit))"
}
