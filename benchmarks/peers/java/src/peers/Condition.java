package peers;

/** Tests of one event's fields, all of which must hold. */
public final class Condition {
    private static final int EQUAL = 0, DIFFERENT = 1, LESS = 2, AT_MOST = 3, MORE = 4, AT_LEAST = 5;
    private final int[] fields;
    private final int[] operators;
    private final long[] values;

    /** `operators`: ==, !=, <, <=, > or >=, between a field (its place) and a value. */
    public Condition(int[] fields, String[] operators, long[] values) {
        this.fields = fields;
        this.values = values;
        this.operators = new int[operators.length];
        for (int at = 0; at < operators.length; at++) {
            this.operators[at] = switch (operators[at]) {
                case "==" -> EQUAL;
                case "!=" -> DIFFERENT;
                case "<" -> LESS;
                case "<=" -> AT_MOST;
                case ">" -> MORE;
                case ">=" -> AT_LEAST;
                default -> throw new IllegalArgumentException(operators[at]);
            };
        }
    }

    public boolean holds(long[] event) {
        for (int at = 0; at < fields.length; at++) {
            if (!holds(operators[at], event[fields[at]], values[at])) {
                return false;
            }
        }
        return true;
    }

    private static boolean holds(int operator, long field, long value) {
        return switch (operator) {
            case EQUAL -> field == value;
            case DIFFERENT -> field != value;
            case LESS -> field < value;
            case AT_MOST -> field <= value;
            case MORE -> field > value;
            default -> field >= value;
        };
    }
}
