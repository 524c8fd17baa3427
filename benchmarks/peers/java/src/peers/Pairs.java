package peers;

/** In which pane a caller last called whom: wherever a peer keeps that. */
public interface Pairs {
    int NEVER = Integer.MIN_VALUE;

    /** NEVER, if not kept. */
    int last(long callee);

    void put(long callee, int pane);

    /** Drops those up to this pane; how many. */
    int forget(int pane);
}
