package peers;

/** What goes to an event's windows, in Flink's form for a record that it writes without Kryo; used again. */
public final class Screened {
    public long source;
    public long target;
    public long event;
    public long hits;
    public int pane;
    public boolean call;
}
