import LinuxIO
import Primitives
import Testing

@Suite struct PollerTests {
    @Test func `a wake-up is reported until it is drained`() throws {
        let wakeup = try Wakeup()
        var poller = try Poller(batch: 2)
        try poller.addSource(wakeup.descriptor, tag: 0xFFFF_FFFF_0000_0001)
        #expect(try poller.wait(milliseconds: 0) == 0)
        wakeup.signal()
        wakeup.signal()
        for _ in 0..<2 {
            #expect(try poller.wait(milliseconds: 0) == 1)
            let event = poller.event(at: 0)
            #expect(event.tag == 0xFFFF_FFFF_0000_0001)
            #expect(event.readiness == .readable)
        }
        wakeup.drain()
        #expect(try poller.wait(milliseconds: 0) == 0)
        poller.remove(wakeup.descriptor)
        wakeup.signal()
        #expect(try poller.wait(milliseconds: 0) == 0)
    }

    @Test func `a descriptor is added once`() throws {
        let wakeup = try Wakeup()
        let poller = try Poller(batch: 1)
        try poller.addSource(wakeup.descriptor, tag: 1)
        let error = #expect(throws: SystemError.self) {
            try poller.addSource(wakeup.descriptor, tag: 2)
        }
        #expect(error == SystemError("epoll_ctl", 17))
        #expect(error?.description == "epoll_ctl: file exists (errno 17)")
    }

    @Test func `the clocks go forward`() {
        let first = SystemClock.monotonic()
        let second = SystemClock.monotonic()
        #expect(first <= second)
        // 2024-01-01, before this was written.
        #expect(SystemClock.wall() > WallTime(microseconds: 1_704_067_200_000_000))
    }
}
