//! What alerts do, told as sentences over small cities.

mod causes;
mod events;
mod faults;
mod judging;
mod lifecycle;
mod restarts;
mod silence;
mod streams;
mod texts;
mod town;
