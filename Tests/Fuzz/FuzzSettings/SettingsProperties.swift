import Settings

/// What holds for every text that is given as a settings file.
enum SettingsProperties {
    /// Files that exist nowhere: only the text is tried.
    private static let files = SettingsFiles(credentialsDirectory: nil) { _, _ in
        .failure(.unreadable("no file"))
    }

    /// Traps when a property does not hold.
    static func check(_ bytes: [UInt8]) {
        do throws(SettingsError) {
            _ = try Settings.parse(bytes, name: "f", files: files)
            // The signing key is required and cannot be read here.
            preconditionFailure("settings without a key were accepted")
        } catch {
            precondition(!error.errors.isEmpty, "refused without an error")
            precondition(error.errors.allSatisfy { $0.line >= 1 && $0.column >= 1 })
            precondition(error.errors.allSatisfy { !$0.message.isEmpty })
            let places = error.errors.map { ($0.line, $0.column) }
            precondition(zip(places, places.dropFirst()).allSatisfy { $0 <= $1 }, "not sorted")
            let breaks = error.errors.contains { $0.message.utf8.contains { $0 < 0x20 } }
            precondition(!breaks, "a message holds a control character")
        }
    }
}
