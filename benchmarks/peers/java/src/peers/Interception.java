package peers;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** The message that goes out for an event with hits. */
public final class Interception {
    private Interception() {}

    public static byte[] message(long event, long hits, List<String> rules) {
        StringBuilder text = new StringBuilder(96).append("{\"event_id\":").append(Long.toUnsignedString(event));
        String before = ",\"rules\":[\"";
        for (long left = hits; left != 0; left &= left - 1) {
            text.append(before).append(rules.get(Long.numberOfTrailingZeros(left)));
            before = "\",\"";
        }
        return text.append("\"]}").toString().getBytes(StandardCharsets.ISO_8859_1);
    }
}
