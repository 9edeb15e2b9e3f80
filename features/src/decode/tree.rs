//! The paths of a stream's fields as a tree that the JSON is read along.

/// What a place of the record holds, once it was read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// Not there.
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent that fits.
    Whole(i64),
    /// Any other number; infinite where it is beyond what a double holds.
    Real(f64),
    /// A text; its bytes lie between the quotes.
    Text {
        /// Whether it holds escapes.
        escaped: bool,
    },
    /// A list.
    List,
    /// An object.
    Object,
    /// The place cannot be there, because something that is no object stands above it.
    Misplaced,
}

/// One place of the record: what it holds and the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slot {
    pub raw: Raw,
    pub start: u32,
    pub end: u32,
}

impl Slot {
    pub const ABSENT: Self = Self {
        raw: Raw::Absent,
        start: 0,
        end: 0,
    };
}

/// A name that is looked for inside an object.
#[derive(Debug)]
pub(super) struct Child {
    pub name: Box<[u8]>,
    pub node: usize,
    /// No byte of the name is ever escaped in JSON, so that it can be compared before its end is found.
    pub plain: bool,
}

/// One object or leaf. A node's slot has the node's number; those below it are `below`.
#[derive(Debug)]
pub(super) struct Node {
    pub children: Vec<Child>,
    pub below: std::ops::Range<usize>,
    /// Which child came after each child last time (entry 0: which came first): the best guess for the next.
    pub guesses: Vec<usize>,
}

/// The tree; node 0 is the record itself.
#[derive(Debug)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
}

#[derive(Default)]
struct Sketch {
    children: Vec<(String, Sketch)>,
}

impl Tree {
    /// The tree of these dotted paths, and the node of each.
    pub fn new<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> (Self, Vec<usize>) {
        let mut root = Sketch::default();
        for path in paths.clone() {
            path.split('.').fold(&mut root, Sketch::child);
        }
        let mut tree = Self { nodes: Vec::new() };
        tree.number(root);
        let found = paths.map(|path| tree.find(path)).collect();
        (tree, found)
    }

    /// Numbers a sketch and everything below it without a break, so that `below` is one range.
    fn number(&mut self, sketch: Sketch) -> usize {
        let own = self.nodes.len();
        self.nodes.push(Node {
            children: Vec::new(),
            below: own + 1..own + 1,
            guesses: Vec::new(),
        });
        let mut children = Vec::new();
        for (name, child) in sketch.children {
            let plain = name
                .bytes()
                .all(|letter| letter >= b' ' && letter != b'"' && letter != b'\\');
            children.push(Child {
                name: name.into_bytes().into(),
                node: self.number(child),
                plain,
            });
        }
        let end = self.nodes.len();
        let guesses = (0..=children.len()).map(|next| next % children.len().max(1)).collect();
        self.nodes[own] = Node {
            children,
            below: own + 1..end,
            guesses,
        };
        own
    }

    fn find(&self, path: &str) -> usize {
        path.split('.').fold(0, |node, name| {
            let child = self.nodes[node]
                .children
                .iter()
                .find(|child| *child.name == *name.as_bytes());
            child.map_or(0, |child| child.node)
        })
    }
}

impl Sketch {
    fn child(&mut self, name: &str) -> &mut Self {
        let at = self
            .children
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or_else(|| {
                self.children.push((name.into(), Self::default()));
                self.children.len() - 1
            });
        &mut self.children[at].1
    }
}

impl Node {
    /// The child of that name, and its place among the children.
    pub fn child(&self, name: &[u8]) -> Option<usize> {
        self.children.iter().position(|child| *child.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_share_their_objects_and_what_is_below_is_one_range() {
        let paths = ["id", "location.lat", "location.lon", "speed", "location"];
        let (tree, found) = Tree::new(paths.into_iter());
        assert_eq!(tree.nodes.len(), 6);
        assert_eq!(tree.nodes[found[4]].below, found[1]..found[2] + 1);
        assert_eq!(tree.nodes[0].below, 1..6);
        assert_eq!(tree.nodes[0].child(b"speed"), Some(2));
        assert_eq!(tree.nodes[0].child(b"lat"), None);
    }
}
