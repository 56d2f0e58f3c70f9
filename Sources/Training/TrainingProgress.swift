public import StatefulTools

/// What a training run tells its observer after each step.
public struct TrainingProgress: Sendable {
    /// From 1; 0 is the validation before the first step.
    public var step: Int
    public var of: Int
    /// By the names of TRL: `loss`, `grad_norm`, `learning_rate`, `num_tokens`, `eval_loss`, and of reinforcement learning
    /// `reward`, `reward_std`, `frac_reward_zero_std`, `entropy`, `kl`, …
    public var metrics: [String: Double]
    /// Something to tell that is no step; nil for a step.
    public var note: String?
    /// An episode of the step; nil where none was played.
    public var sample: Trace?

    init(step: Int = 0, of: Int, metrics: [String: Double] = [:], note: String? = nil, sample: Trace? = nil) {
        self.step = step
        self.of = of
        self.metrics = metrics
        self.note = note
        self.sample = sample
    }

    /// What looks wrong, as sentences.
    public var alarms: [String] {
        func value(_ name: String) -> Double { metrics[name] ?? 0 }
        var alarms: [String] = []
        if value("frac_reward_zero_std") > 0.9 {
            alarms.append("Nearly all groups earned the same: easier start states or more episodes a group help.")
        }
        if let entropy = metrics["entropy"], entropy < 0.02 {
            alarms.append("The policy hardly varies any more (entropy).")
        }
        if value("malformed") > 0.5 { alarms.append("More than half of the commands can't be read.") }
        if value("kl") > 1 { alarms.append("The policy is far from where it began (kl); a lower learning rate helps.") }
        if value("clip_ratio/low_mean") + value("clip_ratio/high_mean") > 0.3 {
            alarms.append("A third of the tokens are clipped; fewer updates a step or a lower learning rate help.")
        }
        return alarms
    }
}
