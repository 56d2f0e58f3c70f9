/// The one page style: a single file that loads nothing, with styles, script and data in it.
struct Page {
    struct Section {
        var id: String
        var title: String
        /// HTML.
        var body: String
    }

    var title: String
    /// What stands in the browser's tab behind the title.
    var subject: String
    var heading: String
    /// HTML.
    var lead: String
    var sections: [Section] = []
    /// What the script reads, by the element's id.
    var json: [(id: String, text: String)] = []
    var packed: [(id: String, text: String)] = []

    /// Adds a section; nothing where the body is empty.
    mutating func add(_ id: String, _ title: String, _ body: String) {
        if !body.isEmpty { sections.append(Section(id: id, title: title, body: body)) }
    }

    var html: String {
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
            <meta name="color-scheme" content="light dark">
            <title>\(escaped(title)): \(escaped(subject))</title>
            <link rel="icon" href="data:,">
            <style>\(String(decoding: PackageResources.report_css, as: UTF8.self))</style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the results</a>
            <header class="top">
            <div class="brand"><span class="mark" aria-hidden="true">&gt;&gt;&gt;</span> \(escaped(title))</div>
            <nav aria-label="Sections">

            """
        page += sections.map { "<a href=\"#\($0.id)\">\(escaped($0.title))</a>" }.joined(separator: "\n")
        page += """

            </nav>
            <button id="theme" type="button" title="Light or dark (T)" aria-label="Switch between light and dark">◐</button>
            </header>
            <main id="main">
            <h1>\(escaped(heading))</h1>
            <p class="lead">\(lead)</p>

            """
        for section in sections {
            page += "<section id=\"\(section.id)\" aria-labelledby=\"h-\(section.id)\">"
            page += "<h2 id=\"h-\(section.id)\">\(escaped(section.title))</h2>\n\(section.body)</section>\n"
        }
        page += "</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n"
        for (id, text) in json {
            page += "<script type=\"application/json\" id=\"\(id)\">\(text.replacing("<", with: "\\u003c"))</script>\n"
        }
        for (id, text) in packed {
            page += "<script type=\"application/octet-stream\" id=\"\(id)\">\(text)</script>\n"
        }
        page += "<script>\(String(decoding: PackageResources.report_js, as: UTF8.self))</script>\n</body>\n</html>\n"
        return page
    }
}
