import CLinux
import Glibc
import Primitives

/// Which file it is, whatever its name: device and inode.
public struct FileIdentity: Equatable, Sendable, BitwiseCopyable {
    let device: UInt64
    let inode: UInt64

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// A file whose bytes are made durable on purpose: written, then synced, then relied on.
///
/// Appending a batch is `pwrite(2)` until all of it is taken, then `fdatasync(2)`. A sync that
/// fails is final for the file: the kernel may have dropped the pages and forgets the error, so
/// that a second sync that succeeds means nothing.
public struct DurableFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Takes over an open file.
    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Writes all of `bytes` at `offset`.
    public borrowing func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            // Safe: the bytes are only read, for the length of the call.
            let rest = bytes.extracting(droppingFirst: done)
            let count = unsafe rest.withUnsafeBytes {
                unsafe pwrite(
                    descriptor.number, $0.baseAddress, $0.count, off_t(offset) + off_t(done))
            }
            if count > 0 {
                done += count
            } else if count == 0 {
                // No errno says why; a disk that takes nothing is a full one.
                throw SystemError("pwrite", ENOSPC)
            } else if errno != EINTR {
                throw SystemError.current("pwrite")
            }
        }
    }

    /// Makes the bytes written so far durable, and the size as far as reading them needs it.
    public borrowing func syncData() throws(SystemError) {
        guard fdatasync(descriptor.number) == 0 else { throw SystemError.current("fdatasync") }
    }

    /// Makes bytes and metadata durable.
    public borrowing func sync() throws(SystemError) {
        guard fsync(descriptor.number) == 0 else { throw SystemError.current("fsync") }
    }

    /// Cuts the file to `size` bytes; room reserved past it is given back.
    public borrowing func truncate(to size: UInt64) throws(SystemError) {
        guard ftruncate(descriptor.number, off_t(size)) == 0 else {
            throw SystemError.current("ftruncate")
        }
    }

    /// Reserves room for `size` bytes without changing the file's size; does nothing where the
    /// file system can't.
    public borrowing func reserve(_ size: UInt64) {
        // FALLOC_FL_KEEP_SIZE, so that the file never has bytes that nobody wrote.
        _ = sallyport_fallocate(descriptor.number, 1, 0, Int64(size))
    }

    /// Makes the file `size` bytes long, which are on the disk and taken; zeros that are written
    /// where the file system can't set room aside.
    public borrowing func allocate(_ size: UInt64) throws(SystemError) {
        if sallyport_fallocate(descriptor.number, 0, 0, Int64(size)) == 0 { return }
        guard errno == EOPNOTSUPP || errno == ENOSYS else {
            throw SystemError.current("fallocate")
        }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var done: UInt64 = 0
        while done < size {
            let count = Int(min(size - done, UInt64(zeros.count)))
            try write(zeros.span.extracting(first: count), at: done)
            done += UInt64(count)
        }
    }

    /// Bytes of the file system that the file takes.
    public borrowing func allocatedBytes() throws(SystemError) -> UInt64 {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(descriptor.number, &status) == 0 else {
            throw SystemError.current("fstat")
        }
        return UInt64(status.st_blocks) * 512
    }

    /// Bytes in the file.
    public borrowing func size() throws(SystemError) -> UInt64 {
        try descriptor.fileSize()
    }

    /// Which file it is.
    public borrowing func identity() throws(SystemError) -> FileIdentity {
        var status = stat()
        // Safe: the kernel fills the one structure.
        guard unsafe fstat(descriptor.number, &status) == 0 else {
            throw SystemError.current("fstat")
        }
        return FileIdentity(status)
    }

    /// Up to `count` bytes from `offset` on; fewer at the end of the file only.
    public borrowing func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        try descriptor.read(at: offset, count: count)
    }

    /// Everything in the file.
    public borrowing func contents() throws(SystemError) -> [UInt8] {
        try descriptor.read(at: 0, count: Int(try size()))
    }
}
