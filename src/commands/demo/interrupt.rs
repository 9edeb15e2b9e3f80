//! Ctrl-C, for what waits and for what works: training holds the thread on which the demonstration would hear of it.

use tokio::sync::watch;

/// Whether Ctrl-C was pressed.
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on, in the background of the runtime.
    pub fn listen() -> Self {
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            // Where Ctrl-C cannot be heard, nobody is told of it.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            tell.send_replace(true);
        });
        Self(told)
    }

    /// Whether it was pressed.
    pub fn was_pressed(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it was pressed.
    pub async fn pressed(&self) {
        let mut told = self.0.clone();
        if told.wait_for(|pressed| *pressed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// One that is pressed by whoever holds the other end.
    #[cfg(test)]
    pub fn by_hand() -> (watch::Sender<bool>, Self) {
        let (tell, told) = watch::channel(false);
        (tell, Self(told))
    }
}
