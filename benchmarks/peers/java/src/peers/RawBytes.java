package peers;

import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;

/** Messages are taken as they are. */
public final class RawBytes extends AbstractDeserializationSchema<byte[]> {
    private static final long serialVersionUID = 1;

    @Override
    public byte[] deserialize(byte[] message) {
        return message;
    }
}
