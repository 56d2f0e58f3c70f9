import Countdown
import PythonRepair
public import StatefulTools

extension Toolbox {
    /// The tools of this project. A new tool is one line here.
    public static let standard = Toolbox([PythonRepair.self, Countdown.self])
}
