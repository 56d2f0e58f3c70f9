import Foundation
import TestSupport
import Testing

@testable import Reports

@Suite struct BrowserTests {
    /// Set COE_PLAYWRIGHT_PYTHON to a Python with the package playwright, and COE_CHROMIUM if Chromium is elsewhere.
    /// COE_SHOTS names a folder for screenshots.
    @Test func `a page of a thousand episodes works by keyboard, in both themes, wide and on a phone`() throws {
        let environment = ProcessInfo.processInfo.environment
        let browsers = [
            environment["COE_CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
        ]
        let chromium = browsers.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let chromium, let python = python(with: "playwright", named: "COE_PLAYWRIGHT_PYTHON") else {
            print("Skipped: no Chromium, or no Python with the package playwright; see COE_PLAYWRIGHT_PYTHON.")
            return
        }
        var second = madeRun("second", episodes: 200, turns: 12, samples: 4)
        second.metrics = try madeMetrics(400)
        let file = FileManager.default.temporaryDirectory.appending(path: "report-\(UUID()).html")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(Report([madeRun("first", episodes: 800), second]).html().utf8).write(to: file)

        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: python)
        let script = URL(filePath: #filePath).appending(path: "../../Fixtures/check_report.py").standardized
        process.arguments = [script.path(percentEncoded: false), chromium, file.path(percentEncoded: false)]
        process.arguments? += environment["COE_SHOTS"].map { [$0] } ?? []
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        struct Found: Decodable {
            var problems: [String]
            var openingSeconds: [Double]
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let found = try decoder.decode(Found.self, from: data)
        #expect(found.problems == [])
        print("The page opened in \(found.openingSeconds) s.")
        // The goal is one second on a machine that does nothing else; tests share theirs.
        #expect(found.openingSeconds.allSatisfy { $0 < 10 })
    }
}
