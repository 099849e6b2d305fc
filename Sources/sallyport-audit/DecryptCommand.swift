import ArgumentParser
import AuditSegments
import Crypto
import LinuxIO
import Primitives

/// Opens one batch, or hands it over as the age file that it is.
struct DecryptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decrypt",
        abstract: "Opens the batch of a record, or takes it out as the age file it is.",
        discussion: """
            Prints the batch's records with their salts, one JSON object a line. With --extract, \
            writes the age file instead, which any age program opens: \
            `age -d -i FILE batch.age | zstd -d`. --raw prints what is in the age file.
            """)

    @OptionGroup var log: LogOptions
    @Argument(help: "Index of a record in the batch.") var index: UInt64
    @OptionGroup var identities: IdentityOptions
    @Option(help: "File to write the age file to; no identity is needed.") var extract: String?
    @Flag(help: "Prints the zstd frame in the age file as it is.") var raw = false

    func run() throws {
        try reporting {
            let folder = try LogFolder.one(in: log.directory, id: log.logID)
            AccessReport.note("decrypt", ["record=\(index)"], of: [folder])
            guard let piece = try batch(in: folder) else {
                Console.complain("there is no record \(index) in \(folder.id)")
                return .doesNotHold
            }
            guard piece.header.flags & FrameHeader.encrypted != 0 else {
                Console.complain("the batch of record \(index) is not encrypted")
                return .couldNotTell
            }
            if let extract {
                try Output.write(piece.sealed, to: extract)
                return .holds
            }
            let keys = try identities.read()
            guard !keys.isEmpty else { throw ToolError.identityMissing }
            if raw {
                try Output.write(opened(piece, keys), to: nil)
                return .holds
            }
            return try printRecords(folder, piece, keys)
        }
    }

    private func opened(
        _ piece: SegmentPieces.Piece, _ keys: [AgeIdentity]
    ) throws(ToolError) -> [UInt8] {
        do {
            return try AgeFile.decrypt(piece.sealed.span, identities: keys)
        } catch .ageFileForOthers {
            throw .evidence("\(EvidenceError.sealedForOthers)")
        } catch {
            throw .evidence("\(EvidenceError.sealedChanged)")
        }
    }

    private func printRecords(
        _ folder: LogFolder, _ piece: SegmentPieces.Piece, _ keys: [AgeIdentity]
    ) throws -> ExitCode {
        let header = try BatchHeader(clear: piece.clear.span)
        let end = header.firstIndex + UInt64(header.count)
        var stream = try RecordStream(folder, identities: keys)
        try stream.seek(to: index)
        var console = Console()
        var isCommitted = true
        while let record = try stream.next(), record.index < end {
            isCommitted = isCommitted && record.isCommitted
            console.line(RecordLine.json(record, salts: true))
        }
        console.flush()
        for complaint in stream.complaints { Console.complain(complaint) }
        if !isCommitted { return .doesNotHold }
        return stream.complaints.isEmpty ? .holds : .couldNotTell
    }

    /// The batch frame that holds the record.
    private func batch(in folder: LogFolder) throws(ToolError) -> SegmentPieces.Piece? {
        for number in folder.segments {
            var reader = SegmentPieces(path: folder.segmentPath(number))
            while true {
                var probe = reader
                guard let piece = try probe.next(sealed: false) else { break }
                if piece.header.type == .batch,
                    let header = try? BatchHeader(clear: piece.clear.span),
                    index >= header.firstIndex,
                    index - header.firstIndex < UInt64(header.count)
                {
                    return try reader.next()
                }
                reader = probe
            }
        }
        return nil
    }
}
