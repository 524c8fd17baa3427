package peers;

/** What of an event the job reads; used again for the next one. */
public final class Event {
    public static final int KIND = 0, ID = 1, TIME = 2, SOURCE = 3, TARGET = 4;
    public static final long PANE_MS = 300_000;

    /** By the places that the job gives to fields: numbers, 0 or 1, or the code of a word. */
    public final long[] fields;
    public boolean keyword;

    public Event(int fields) {
        this.fields = new long[fields];
    }

    public int pane() {
        return (int) (fields[TIME] / PANE_MS);
    }
}
