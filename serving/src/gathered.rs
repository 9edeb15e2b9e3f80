//! A connection whose small writes go out together.
//!
//! HTTP/2 hands its frames over one by one, and each would be a call into the kernel and a packet of its own: the head of an answer, every
//! 16 KiB of it and its end, for each call. Here, what a connection writes in one turn is held until its next turn, which it asks for at once
//! and which begins with reading; so the answers of many calls go out together where there are many.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// What a connection of HTTP/2 begins with, and none of HTTP/1.
const PREFACE: &[u8] = b"PRI ";
/// The most bytes that are held.
const MOST: usize = 256 << 10;
/// The room that an idle connection keeps, in bytes.
const IDLE: usize = 32 << 10;

/// Holds back what is written to `io`, if it speaks HTTP/2. Others may flush without ever reading again, and write at once.
pub(crate) struct Gathered<T> {
    io: T,
    speaks: Speaks,
    held: Vec<u8>,
    /// So many of the held bytes are written.
    written: usize,
    /// Whether the next turn was asked for.
    asked: bool,
}

/// Which version of HTTP a client speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// So many bytes of the preface were read, and nothing else.
    Unknown(usize),
    Http1,
    Http2,
}

impl Speaks {
    /// What is known after these bytes.
    fn after(self, read: &[u8]) -> Self {
        let Self::Unknown(before) = self else {
            return self;
        };
        let wanted = &PREFACE[before..];
        let seen = read.len().min(wanted.len());
        if read[..seen] != wanted[..seen] {
            Self::Http1
        } else if seen == wanted.len() {
            Self::Http2
        } else {
            Self::Unknown(before + seen)
        }
    }
}

impl<T> Gathered<T> {
    pub fn new(io: T) -> Self {
        Self {
            io,
            speaks: Speaks::Unknown(0),
            held: Vec::new(),
            written: 0,
            asked: false,
        }
    }
}

impl<T: AsyncWrite + Unpin> Gathered<T> {
    /// Writes what is held.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.held.len() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.held[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.held.clear();
        self.written = 0;
        self.asked = false;
        Poll::Ready(Ok(()))
    }

    /// Holds as much of `parts` as there is room for, after writing what is held where there is none; returns how much.
    fn poll_hold(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.held.len() >= MOST {
            ready!(self.poll_drain(cx))?;
        }
        let before = self.held.len();
        for part in parts {
            let room = MOST - self.held.len();
            self.held.extend_from_slice(&part[..part.len().min(room)]);
        }
        Poll::Ready(Ok(self.held.len() - before))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let idle = this.held.is_empty();
        // Where the socket takes no more, it wakes the connection when it does; reading goes on meanwhile.
        if let Poll::Ready(Err(error)) = this.poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(cx, buffer);
        if read.is_pending() && idle && this.held.capacity() > IDLE {
            this.held = Vec::new();
        }
        this.speaks = this.speaks.after(&buffer.filled()[before..]);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gathered<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.speaks == Speaks::Http2 {
            this.poll_hold(cx, &[IoSlice::new(bytes)])
        } else {
            Pin::new(&mut this.io).poll_write(cx, bytes)
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.speaks == Speaks::Http2 {
            this.poll_hold(cx, parts)
        } else {
            Pin::new(&mut this.io).poll_write_vectored(cx, parts)
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.held.is_empty() {
            return Pin::new(&mut this.io).poll_flush(cx);
        }
        if !this.asked {
            this.asked = true;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

impl<T: Connected> Connected for Gathered<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    /// A socket that says once what it is told to, and takes so many bytes.
    struct Socket {
        says: &'static [u8],
        writes: Vec<Vec<u8>>,
        room: usize,
        broken: bool,
    }

    impl AsyncRead for Socket {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if self.says.is_empty() {
                return Poll::Pending;
            }
            buffer.put_slice(std::mem::take(&mut self.says));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Socket {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Poll::Pending;
            }
            self.room -= taken;
            self.writes.push(bytes[..taken].to_vec());
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Turns(AtomicUsize);

    impl Wake for Turns {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection over a socket, and the turns that it asked for.
    struct Connection {
        io: Gathered<Socket>,
        turns: Arc<Turns>,
    }

    impl Connection {
        /// One whose client has said this.
        fn after(says: &'static [u8]) -> Self {
            let socket = Socket {
                says,
                writes: Vec::new(),
                room: usize::MAX,
                broken: false,
            };
            let mut connection = Self {
                io: Gathered::new(socket),
                turns: Arc::default(),
            };
            assert!(connection.read().is_ready());
            connection
        }

        fn turn<R>(&mut self, of: impl FnOnce(Pin<&mut Gathered<Socket>>, &mut Context<'_>) -> R) -> R {
            let waker = Waker::from(Arc::clone(&self.turns));
            of(Pin::new(&mut self.io), &mut Context::from_waker(&waker))
        }

        fn read(&mut self) -> Poll<io::Result<()>> {
            let mut bytes = [0; 64];
            self.turn(|io, cx| io.poll_read(cx, &mut ReadBuf::new(&mut bytes)))
        }

        fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.turn(|io, cx| io.poll_write(cx, bytes))
        }

        fn flush(&mut self) {
            assert!(self.turn(AsyncWrite::poll_flush).is_ready());
        }

        fn asked(&self) -> usize {
            self.turns.0.load(Ordering::Relaxed)
        }
    }

    const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[test]
    fn what_one_turn_writes_goes_out_together_when_the_next_begins_to_read() {
        let mut connection = Connection::after(HTTP2);
        for part in ["head", "body", "end"] {
            let parts = [IoSlice::new(part.as_bytes()), IoSlice::new(b", ")];
            let written = connection.turn(|io, cx| io.poll_write_vectored(cx, &parts));
            assert!(matches!(written, Poll::Ready(Ok(count)) if count == part.len() + 2));
            connection.flush();
        }
        assert!(connection.io.io.writes.is_empty());
        assert_eq!(connection.asked(), 1, "one turn is enough");
        assert!(connection.read().is_pending());
        assert_eq!(connection.io.io.writes, [b"head, body, end, ".to_vec()]);
        connection.flush();
        assert_eq!(connection.asked(), 1, "nothing is held");
    }

    #[test]
    fn clients_of_http_1_are_written_to_at_once() {
        for says in [b"GET / HTTP/1.1".as_slice(), b"POST /", b"P", b"PUT /"] {
            let mut connection = Connection::after(says);
            assert!(connection.write(b"answer").is_ready());
            assert_eq!(connection.io.io.writes, [b"answer".to_vec()]);
        }
    }

    #[test]
    fn a_preface_that_comes_in_pieces_is_known() {
        let mut connection = Connection::after(b"PR");
        connection.io.io.says = b"I * HTTP/2.0";
        assert!(connection.read().is_ready());
        assert!(connection.write(b"settings").is_ready());
        assert!(connection.io.io.writes.is_empty());
    }

    #[test]
    fn a_client_that_takes_nothing_stops_the_writer_at_the_most_that_is_held() {
        let mut connection = Connection::after(HTTP2);
        connection.io.io.room = 10;
        let much = vec![7; MOST + 1];
        assert!(matches!(connection.write(&much), Poll::Ready(Ok(MOST))));
        assert!(connection.write(&much).is_pending());
        assert_eq!(connection.io.io.writes, [vec![7; 10]]);
        assert!(connection.read().is_pending(), "what the client says is still read");
        connection.io.io.room = usize::MAX;
        assert!(matches!(connection.write(b"more"), Poll::Ready(Ok(4))));
        assert!(connection.read().is_pending());
        let all: Vec<u8> = connection.io.io.writes.concat();
        assert_eq!(all.len(), MOST + 4);
        assert_eq!(&all[MOST..], b"more");
    }

    #[test]
    fn what_is_held_goes_out_before_the_connection_ends() {
        let mut connection = Connection::after(HTTP2);
        assert!(connection.write(b"goodbye").is_ready());
        assert!(connection.turn(AsyncWrite::poll_shutdown).is_ready());
        assert_eq!(connection.io.io.writes, [b"goodbye".to_vec()]);
    }

    #[test]
    fn a_broken_socket_is_told_of_at_the_next_reading() {
        let mut connection = Connection::after(HTTP2);
        connection.io.io.broken = true;
        assert!(connection.write(b"lost").is_ready());
        assert!(matches!(connection.read(), Poll::Ready(Err(_))));
    }

    #[test]
    fn an_idle_connection_keeps_little_room() {
        let mut connection = Connection::after(HTTP2);
        assert!(connection.write(&vec![1; MOST]).is_ready());
        assert!(connection.read().is_pending());
        assert!(connection.read().is_pending());
        assert!(connection.io.held.capacity() <= IDLE);
    }
}
