import AuditRecords
import Primitives
import Testing

@Suite struct LifecycleFactsTests {
    @Test func `certificates in use are listed with their names and their end`() {
        let digest = String(repeating: "0", count: 64)
        let certificates = [
            RecordedCertificate(
                sha256: .zero, names: ["a.example.com", "*.b.example.com"],
                notAfterSeconds: 1_800_000_000)
        ]
        #expect(
            core(.certificatesLoaded(.listener("public"), certificates))
                == #"{"boot":"00000000000000b0","certificates":[{"#
                + #""names":["a.example.com","*.b.example.com"],"not_after":1800000000,"#
                + #""sha256":"\#(digest)"}],"event":"certificates_loaded","instance":"in\"1\"","#
                + #""listener":"public","mono":0,"ts":1,"v":1}"#)
    }

    @Test(
        arguments: [
            (
                .certificatesRefused(
                    .upstream("billing"), file: "/etc/ca\u{1B}.pem", why: "no PEM"),
                #""event":"certificates_refused","file":"/etc/ca%1B.pem","instance":"in\"1\"","#
                    + #""mono":0,"ts":1,"upstream":"billing","v":1,"why":"no PEM"}"#
            ),
            (
                .upstreamVerificationDisabled(upstream: "billing"),
                #""event":"upstream_verification_disabled","instance":"in\"1\"","mono":0,"ts":1,"#
                    + #""upstream":"billing","v":1}"#
            ),
            (
                .eventsDropped(count: 3),
                #""count":3,"event":"events_dropped","instance":"in\"1\"","mono":0,"ts":1,"v":1}"#
            ),
            (
                .journalLost(checkpoints: 2, events: 1, records: 4),
                #""checkpoints":2,"event":"journal_lost","events":1,"instance":"in\"1\"","mono":0,"#
                    + #""records":4,"ts":1,"v":1}"#
            ),
            (
                .witnessAhead(witness: "w", size: 9, own: 5),
                #""event":"witness_ahead","instance":"in\"1\"","mono":0,"own_size":5,"size":9,"#
                    + #""ts":1,"v":1,"witness":"w"}"#
            ),
            (
                .witnessRefused(witness: "w", status: 404),
                #""event":"witness_refused","instance":"in\"1\"","mono":0,"status":404,"ts":1,"#
                    + #""v":1,"witness":"w"}"#
            ),
            (
                .witnessUnreachable(witness: "w", why: "x"),
                #""event":"witness_unreachable","instance":"in\"1\"","mono":0,"ts":1,"v":1,"#
                    + #""why":"x","witness":"w"}"#
            ),
            (
                .witnessCosigns(witness: "w", size: 5),
                #""event":"witness_cosigns","instance":"in\"1\"","mono":0,"size":5,"ts":1,"v":1,"#
                    + #""witness":"w"}"#
            ),
        ] as [(LifecycleEvent, String)])
    func `an event names what it is about`(event: LifecycleEvent, members: String) {
        #expect(core(event) == #"{"boot":"00000000000000b0","# + members)
        #expect(members.contains(#""event":"\#(event.word)""#))
    }

    @Test func `an event stays within its bound whatever it names`() {
        let long = String(repeating: "\u{1F980}", count: 5000)
        let names = [String](repeating: String(repeating: "a", count: 250), count: 20)
        let certificates = [RecordedCertificate](
            repeating: RecordedCertificate(sha256: .zero, names: names, notAfterSeconds: 0),
            count: 1000)
        let loaded = core(.certificatesLoaded(.upstream("u"), certificates))
        #expect(loaded.utf8.count < 40_000)
        // Those without room for their names are still known by their digests; the rest by number.
        let listed = loaded.split(separator: #""sha256""#).count - 1
        #expect(listed > 6)
        #expect(loaded.contains(#""omitted":\#(1000 - listed),"#))
        let refused = core(.certificatesRefused(.listener("l"), file: long, why: long))
        #expect(refused.utf8.count < 40_000)
    }

    private func core(_ event: LifecycleEvent) -> String {
        let encoder = Sample.encoder()
        var output = ByteBuffer(capacity: 1 << 16)
        let parts = output.write {
            encoder.encode(event, time: WallTime(microseconds: 1), instant: .zero, into: &$0)
        }
        return output.span.extracting(parts.core).text()
    }
}
