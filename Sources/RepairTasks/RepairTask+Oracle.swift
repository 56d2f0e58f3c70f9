public import LineEditor

extension RepairTask {
    /// The fewest commands from the faulty program to the reference, then EXIT: what a player that knows the answer does.
    /// Nil without a reference.
    public var oracle: [Command]? {
        reference.map {
            EditScript(from: ProgramText(program).lines, to: ProgramText($0).lines).commands + [.exit]
        }
    }
}
