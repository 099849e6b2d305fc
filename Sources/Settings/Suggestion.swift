/// Finds the word that was probably meant.
enum Suggestion {
    /// The one of `words` that is nearest to `word`, if any is near enough.
    static func nearest(to word: String, among words: [String]) -> String? {
        // A third of the letters may be wrong, at least one; longer texts are no typing mistakes.
        guard word.unicodeScalars.count <= 64 else { return nil }
        let allowed = max(1, word.unicodeScalars.count / 3)
        var best: (word: String, distance: Int)?
        for candidate in words where candidate.unicodeScalars.count <= 64 {
            let distance = distance(word.lowercased(), candidate.lowercased())
            guard distance <= allowed else { continue }
            if let found = best, found.distance <= distance { continue }
            best = (candidate, distance)
        }
        return best?.word
    }

    /// `, did you mean 'X'?`, or nothing.
    static func text(for word: String, among words: [String]) -> String {
        guard let found = nearest(to: word, among: words) else { return "" }
        return ", did you mean '\(found)'?"
    }

    /// Letters to insert, remove, change or exchange with their neighbour (Damerau 1964).
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left.unicodeScalars)
        let b = Array(right.unicodeScalars)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                let change = last[j] + (a[i] == b[j] ? 0 : 1)
                var cost = min(row[j] + 1, last[j + 1] + 1, change)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
