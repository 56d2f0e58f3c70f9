/// The bundled collection of repair tasks as JSON lines. A target of its own: the compiler takes long over its bytes.
public enum StarterTasks {
    public static var jsonLines: [UInt8] { PackageResources.starter_jsonl }
}
