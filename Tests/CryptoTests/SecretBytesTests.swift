import Crypto
import Primitives
import Testing

@Suite struct SecretBytesTests {
    @Test func `what is filled in is read back`() throws {
        let secret = try #require(
            SecretBytes(capacity: 8) { output in
                output.append(7)
                output.append(9)
            })
        #expect(secret.count == 2)
        let bytes = secret.bytes
        let isSame = bytes.count == 2 && bytes[0] == 7 && bytes[1] == 9
        #expect(isSame)
    }

    @Test func `a copy holds the same bytes`() throws {
        let text = Array("a private key".utf8)
        let copy = SecretBytes(copying: text.span)
        let secret = try #require(copy)
        let bytes = secret.bytes
        var isSame = bytes.count == text.count
        for index in 0..<bytes.count where bytes[index] != text[index] { isSame = false }
        #expect(isSame)
    }

    @Test func `there may be none`() throws {
        let secret = try #require(SecretBytes(capacity: 0) { _ in })
        #expect(secret.count == 0)
    }

    @Test func `a failure to fill is passed on`() {
        #expect(throws: CryptoError.keyUnusable) {
            _ = try SecretBytes(capacity: 8) { (_: inout OutputSpan<UInt8>) throws(CryptoError) in
                throw .keyUnusable
            }
        }
    }
}

/// The secure heap is the process's; the other suites of this program may share it.
@Suite struct SecureHeapTests {
    @Test func `it is set up once, and gives back what is freed`() throws {
        let state = SecureHeap.start(bytes: 1 << 20)
        #expect(SecureHeap.start(bytes: 1 << 22) == state)
        switch state {
        case .locked(let bytes), .unlocked(let bytes): #expect(bytes == 1 << 20)
        case .unavailable: Issue.record("this machine has no secure heap")
        }
        var secret = SecretBytes(capacity: 4000) { $0.append(1) }
        #expect(SecureHeap.usedBytes >= 4096)
        #expect(secret?.count == 1)
        secret = nil
        let tooLarge = SecretBytes(capacity: 1 << 21) { _ in }
        #expect(tooLarge == nil)
    }
}
