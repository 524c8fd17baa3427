package peers;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Whether a text contains any of many literals: Aho and Corasick's automaton, one table look-up a character. */
public final class Keywords {
    private final short[] classOf = new short[1 << 16];
    private final int classes;
    private final int[] next; // where a state goes, by state * classes + class; already times `classes`; -1: found

    public Keywords(List<String> literals) {
        int known = 1; // class 0: in no literal
        for (String literal : literals) {
            for (char letter : literal.toCharArray()) {
                if (classOf[letter] == 0) {
                    classOf[letter] = (short) known++;
                }
            }
        }
        classes = known;
        next = completed(trie(literals));
    }

    /** Any in these characters? */
    public boolean in(char[] text, int start, int length) {
        int state = 0;
        for (int at = start; at < start + length; at++) {
            state = next[state + classOf[text[at]]];
            if (state < 0) {
                return true;
            }
        }
        return false;
    }

    private record Node(int[] children, boolean[] ends) {
        Node(int classes) {
            this(new int[classes], new boolean[1]);
        }
    }

    private List<Node> trie(List<String> literals) {
        List<Node> nodes = new ArrayList<>(List.of(new Node(classes)));
        for (String literal : literals) {
            int at = 0;
            for (char letter : literal.toCharArray()) {
                int[] children = nodes.get(at).children;
                if (children[classOf[letter]] == 0) {
                    children[classOf[letter]] = nodes.size();
                    nodes.add(new Node(classes));
                }
                at = children[classOf[letter]];
            }
            nodes.get(at).ends[0] = true;
        }
        return nodes;
    }

    /** Missing steps go where the longest suffix would: in breadth, so that the suffix's own are known. */
    private int[] completed(List<Node> nodes) {
        int[] suffix = new int[nodes.size()];
        ArrayDeque<Integer> waiting = new ArrayDeque<>();
        for (int child : nodes.get(0).children) {
            if (child != 0) {
                waiting.add(child);
            }
        }
        while (!waiting.isEmpty()) {
            int at = waiting.remove();
            Node node = nodes.get(at);
            Node shorter = nodes.get(suffix[at]);
            node.ends[0] |= shorter.ends[0];
            for (int letter = 0; letter < classes; letter++) {
                int child = node.children[letter];
                if (child == 0) {
                    node.children[letter] = shorter.children[letter];
                } else {
                    suffix[child] = shorter.children[letter];
                    waiting.add(child);
                }
            }
        }
        return nodes.stream()
                .flatMapToInt(node -> Arrays.stream(node.children))
                .map(to -> nodes.get(to).ends[0] ? -1 : to * classes)
                .toArray();
    }
}
