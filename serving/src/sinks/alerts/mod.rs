//! Where alerts go, beside those who ask: one file a kind of receiver.
//!
//! | file | what it does |
//! |---|---|
//! | [`config`] | receivers as they are configured, checked and built |
//! | [`webhook`], [`alertmanager`], [`telegram`], [`kafka`] | the receivers |
//! | [`receiver`] | what they have in common |
//! | [`choice`], [`last_told`] | which revisions one is told of, and in which words; what it was told last |
//! | [`post`], [`secret`], [`signature`] | one POST, what must not be shown, who it is from |
//! | [`backoff`], [`dead_letters`] | what happens where one does not take it |

pub mod alertmanager;
pub mod backoff;
pub mod choice;
pub mod config;
pub mod dead_letters;
pub mod kafka;
pub mod last_told;
pub mod post;
pub mod receiver;
pub mod secret;
pub mod signature;
pub mod telegram;
pub mod webhook;
