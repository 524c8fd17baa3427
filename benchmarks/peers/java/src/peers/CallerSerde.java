package peers;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A caller as 56 bytes: panes count to 65,535. */
public final class CallerSerde implements Serde<Caller> {
    private static final int BYTES = 2 * Integer.BYTES + 2 * Caller.PANES * Short.BYTES;

    @Override
    public Serializer<Caller> serializer() {
        return (topic, caller) -> {
            if (caller == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.allocate(BYTES).putInt(caller.newest).putInt(caller.kept);
            for (int pane = 0; pane < Caller.PANES; pane++) {
                bytes.putShort((short) caller.calls[pane]).putShort((short) caller.callees[pane]);
            }
            return bytes.array();
        };
    }

    @Override
    public Deserializer<Caller> deserializer() {
        return (topic, written) -> {
            if (written == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.wrap(written);
            Caller caller = new Caller();
            caller.newest = bytes.getInt();
            caller.kept = bytes.getInt();
            for (int pane = 0; pane < Caller.PANES; pane++) {
                caller.calls[pane] = Short.toUnsignedInt(bytes.getShort());
                caller.callees[pane] = Short.toUnsignedInt(bytes.getShort());
            }
            return caller;
        };
    }
}
