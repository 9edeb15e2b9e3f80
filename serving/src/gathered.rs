//! A connection whose small writes go out together.
//!
//! HTTP/2 hands its frames over one by one, and each would be a call into the kernel and a packet of its own: the head of an answer, every
//! 16 KiB of it and its end, for each call. Here, what a connection writes in one turn is held until its next turn, which it asks for at once
//! and which begins with reading; so the answers of many calls go out together where there are many. What is large is not held, as that
//! means to copy it: it goes out at once, behind what is held and together with it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// What a connection of HTTP/2 begins with, and none of HTTP/1.
const PREFACE: &[u8] = b"PRI ";
/// The most bytes that are held.
const MOST: usize = 256 << 10;
/// Whoever hands over so many bytes at once has them written and not held: their copy would cost more than a call into the kernel. Frames of
/// 16 KiB, the longest that HTTP/2 allows until a client asks for longer ones, are below it, so that those who never ask are not written to
/// in a call for each. Clients of gRPC in C++ ask for frames of what their connection bears, and the columns of long answers fill them.
const LARGE: usize = 32 << 10;
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
        self.nothing_held();
        Poll::Ready(Ok(()))
    }

    /// All that was held is written.
    fn nothing_held(&mut self) {
        self.held.clear();
        self.written = 0;
        self.asked = false;
    }

    /// Takes some of `parts`, to write it at once or later; returns how much.
    fn poll_take(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if bytes < LARGE {
            self.poll_hold(cx, parts)
        } else {
            self.poll_through(cx, parts)
        }
    }

    /// Writes what is held and as much of `parts` behind it as the socket takes; returns how much of `parts`, which is some.
    fn poll_through(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let held = self.held.len() - self.written;
            let written = {
                let mut all = Vec::with_capacity(parts.len() + 1);
                if held > 0 {
                    all.push(IoSlice::new(&self.held[self.written..]));
                }
                all.extend_from_slice(parts);
                ready!(Pin::new(&mut self.io).poll_write_vectored(cx, &all))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if written < held {
                self.written += written;
                continue;
            }
            self.nothing_held();
            // Where no more than that went, it goes on: whoever hears that none of `parts` did takes the connection for ended.
            if written > held {
                return Poll::Ready(Ok(written - held));
            }
        }
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
            this.poll_take(cx, &[IoSlice::new(bytes)])
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
            this.poll_take(cx, parts)
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
mod tests;
