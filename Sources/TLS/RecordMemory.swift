import COpenSSLMemory

/// The memory of OpenSSL's record buffers.
///
/// A session gives its buffers back after each use, so that an idle connection holds none of their
/// 33 KiB. With this each thread keeps a few of them, and a request costs no call of malloc.
public enum RecordMemory {
    /// Begins to keep them; false when OpenSSL has allocated before, so that nothing changes.
    ///
    /// The first thing that a process does, before it has a second thread.
    public static func keepBuffers() -> Bool {
        sallyport_cache_record_blocks() == 1
    }
}
