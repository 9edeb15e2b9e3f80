//! What goes out when, over a socket that takes what it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;

/// A socket that says once what it is told to, and takes so many bytes.
struct Socket {
    says: &'static [u8],
    writes: Vec<Vec<u8>>,
    /// Where in memory lay what it was given.
    places: Vec<*const u8>,
    room: usize,
    vectored: bool,
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let known = if self.vectored { parts } else { &parts[..1] };
        self.places.extend(known.iter().map(|part| part.as_ptr()));
        let joined: Vec<u8> = known.iter().flat_map(|part| part.iter().copied()).collect();
        self.poll_write(cx, &joined)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
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
            places: Vec::new(),
            room: usize::MAX,
            vectored: true,
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

    fn write_parts(&mut self, parts: &[&[u8]]) -> Poll<io::Result<usize>> {
        let parts: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        self.turn(|io, cx| io.poll_write_vectored(cx, &parts))
    }

    /// All that the socket took.
    fn written(&self) -> Vec<u8> {
        self.io.io.writes.concat()
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
    let frame = vec![7; LARGE - 1];
    let mut held = 0;
    while let Poll::Ready(written) = connection.write(&frame) {
        held += written.unwrap();
    }
    assert_eq!(held, MOST);
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
    for _ in 0..MOST / LARGE {
        assert!(connection.write(&vec![1; LARGE - 1]).is_ready());
    }
    assert!(connection.io.held.capacity() > IDLE);
    assert!(connection.read().is_pending());
    assert!(connection.read().is_pending());
    assert!(connection.io.held.capacity() <= IDLE);
}

#[test]
fn what_is_large_goes_out_at_once_and_uncopied_behind_what_is_held() {
    let mut connection = Connection::after(HTTP2);
    assert!(connection.write(b"held, ").is_ready());
    connection.flush();
    let (head, rows) = (b"head, ".as_slice(), vec![7_u8; LARGE]);
    let written = connection.write_parts(&[head, &rows]);
    assert!(matches!(written, Poll::Ready(Ok(count)) if count == head.len() + LARGE));
    let socket = &connection.io.io;
    assert_eq!(socket.writes.len(), 1, "together");
    assert_eq!(connection.written(), [b"held, ".as_slice(), head, &rows].concat());
    assert_eq!(socket.places[1..], [head.as_ptr(), rows.as_ptr()]);
    assert!(connection.write(b"end").is_ready());
    assert!(connection.write(&rows).is_ready());
    assert_eq!(connection.io.io.places.last(), Some(&rows.as_ptr()));
    assert!(connection.written().ends_with(&[b"end".as_slice(), &rows].concat()));
}

#[test]
fn small_parts_that_are_much_together_are_not_copied_either() {
    let mut connection = Connection::after(HTTP2);
    let half = vec![7; LARGE / 2];
    assert!(connection.write_parts(&[&half]).is_ready());
    assert!(connection.io.io.writes.is_empty(), "one is held");
    assert!(matches!(
        connection.write_parts(&[&half, &half]),
        Poll::Ready(Ok(LARGE))
    ));
    assert_eq!(connection.io.io.writes.len(), 1);
}

#[test]
fn a_socket_that_takes_a_part_is_given_the_rest_in_order() {
    let mut connection = Connection::after(HTTP2);
    let rows: Vec<u8> = (0..LARGE).map(|place| (place % 251) as u8).collect();
    assert!(connection.write(b"held").is_ready());
    for (room, taken) in [(3, None), (1, None), (10, Some(10)), (0, None)] {
        connection.io.io.room = room;
        match (connection.write(&rows), taken) {
            (Poll::Pending, None) => {}
            (Poll::Ready(Ok(found)), Some(taken)) => assert_eq!(found, taken),
            (other, _) => panic!("{room}: {other:?}"),
        }
    }
    assert!(connection.read().is_pending(), "what the client says is still read");
    connection.io.io.room = usize::MAX;
    assert!(matches!(connection.write(&rows[10..]), Poll::Ready(Ok(count)) if count == LARGE - 10));
    assert!(
        connection.read().is_pending(),
        "the rest is no longer large, and goes out with the next turn"
    );
    assert!(connection.written() == [b"held".as_slice(), &rows].concat());
}

#[test]
fn a_socket_that_takes_one_part_at_a_time_is_given_them_in_order() {
    let mut connection = Connection::after(HTTP2);
    connection.io.io.vectored = false;
    assert!(connection.write(b"held").is_ready());
    let rows = vec![7; LARGE];
    assert!(matches!(connection.write_parts(&[b"head", &rows]), Poll::Ready(Ok(4))));
    assert!(matches!(connection.write_parts(&[&rows]), Poll::Ready(Ok(LARGE))));
    assert_eq!(connection.io.io.writes, [b"held".to_vec(), b"head".to_vec(), rows]);
}

#[test]
fn a_broken_socket_is_told_of_when_what_is_large_is_written() {
    let mut connection = Connection::after(HTTP2);
    connection.io.io.broken = true;
    assert!(matches!(connection.write(&vec![7; LARGE]), Poll::Ready(Err(_))));
}
