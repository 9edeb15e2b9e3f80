//! Nodes in any order become a tree.

use crate::gbdt::tree::{Branch, Node, Part, Tree};

/// A node of a file: a leaf, or a split with its children as the file numbers them.
pub(super) enum Source {
    Leaf {
        value: f32,
        cover: f64,
    },
    /// The branch's own links are filled in.
    Split {
        branch: Branch,
        cover: f64,
    },
}

/// Puts the nodes below `root` in order, each at most once: links that meet or go round in circles are refused.
///
/// `node` reads a node by its number in the file, below `count`.
pub(super) fn assemble(
    root: usize,
    count: usize,
    columns: usize,
    node: impl Fn(usize) -> Result<Source, String>,
) -> Result<Tree, String> {
    let mut tree = Tree { nodes: Vec::new() };
    let mut is_placed = vec![false; count];
    // The number of a node, and the place of its parent with the side it hangs on.
    let mut waiting = vec![(root, None)];
    while let Some((number, parent)) = waiting.pop() {
        match is_placed.get_mut(number) {
            Some(placed @ false) => *placed = true,
            Some(_) => return Err(format!("two links lead to node {number}")),
            None => return Err(format!("a link leads to node {number} of {count}")),
        }
        let place = tree.nodes.len();
        if let Some((parent, is_left)) = parent {
            hang(&mut tree, parent, is_left, place);
        }
        let (cover, part) = match node(number)? {
            Source::Leaf { value, cover } => (cover, Part::Leaf(value)),
            Source::Split { branch, cover } => {
                waiting.push((branch.right, Some((place, false))));
                waiting.push((branch.left, Some((place, true))));
                (cover, Part::Branch(branch))
            }
        };
        tree.nodes.push(Node { cover, part });
    }
    tree.check(columns)?;
    Ok(tree)
}

fn hang(tree: &mut Tree, parent: usize, is_left: bool, place: usize) {
    if let Part::Branch(branch) = &mut tree.nodes[parent].part {
        if is_left {
            branch.left = place;
        } else {
            branch.right = place;
        }
    }
}
