// What a program that uses JDBC does with the service: metadata, a query, a prepared one. Prints a line for each.
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.List;
import java.util.TimeZone;

public class Jdbc {
    public static void main(String[] arguments) {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            metadata(connection.getMetaData());
            questions(connection.getMetaData());
            query(connection);
            prepared(connection);
            page(connection);
            wrong(arguments[0]);
            refused(connection);
        } catch (SQLException | ReflectiveOperationException | RuntimeException error) {
            error.printStackTrace();
            // Whatever threads the driver has left behind.
            System.exit(1);
        }
    }

    static void metadata(DatabaseMetaData data) throws SQLException {
        System.out.println(data.getDatabaseProductName() + " readOnly=" + data.isReadOnly());
        List<String> tables = new ArrayList<>();
        try (ResultSet found = data.getTables(null, null, "traffic%", null)) {
            while (found.next()) tables.add(found.getString("TABLE_NAME") + ":" + found.getString("TABLE_TYPE"));
        }
        System.out.println(tables);
        List<String> columns = new ArrayList<>();
        try (ResultSet found = data.getColumns(null, null, "traffic_sensors_latest", "speed_kmh_m%")) {
            while (found.next()) {
                columns.add(found.getString("COLUMN_NAME") + ":" + found.getString("TYPE_NAME") + ":" + found.getString("REMARKS"));
            }
        }
        System.out.println(columns);
        List<String> keys = new ArrayList<>();
        try (ResultSet found = data.getPrimaryKeys(null, null, "traffic_sensors_windows")) {
            while (found.next()) keys.add(found.getString("COLUMN_NAME"));
        }
        System.out.println(keys);
        try (ResultSet found = data.getCatalogs()) {
            while (found.next()) System.out.println(found.getString(1));
        }
    }

    // Tools ask whatever can be asked, and give up at the first answer that is missing.
    static void questions(DatabaseMetaData data) throws SQLException, ReflectiveOperationException {
        List<String> failed = new ArrayList<>();
        for (Method question : DatabaseMetaData.class.getMethods()) {
            if (question.getParameterCount() > 0) continue;
            try {
                Object answer = question.invoke(data);
                if (answer instanceof ResultSet) ((ResultSet) answer).close();
            } catch (InvocationTargetException error) {
                Throwable why = error.getCause();
                if (!(why instanceof SQLFeatureNotSupportedException)) failed.add(question.getName() + ": " + why);
            }
        }
        System.out.println(failed);
        System.out.println(data.supportsGroupBy() + " " + data.supportsUnionAll() + " " + data.supportsCoreSQLGrammar() + " "
            + data.supportsFullOuterJoins() + " " + data.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY) + " "
            + data.supportsTransactionIsolationLevel(Connection.TRANSACTION_NONE) + " "
            + data.supportsConvert(Types.INTEGER, Types.VARCHAR) + " " + data.getMaxTablesInSelect());
    }

    static void query(Connection connection) throws SQLException {
        String sql = "SELECT key, window_start, speed_kmh_mean, events FROM traffic_sensors_latest ORDER BY window_start, key LIMIT 2";
        try (Statement statement = connection.createStatement(); ResultSet found = statement.executeQuery(sql)) {
            ResultSetMetaData columns = found.getMetaData();
            System.out.println(columns.getColumnCount() + " " + columns.getColumnLabel(3) + " " + columns.getColumnTypeName(3));
            while (found.next()) {
                System.out.println(found.getString("key") + " " + found.getTimestamp(2).toInstant() + " " + found.getDouble(3) + " " + found.getLong(4));
            }
        }
    }

    static void prepared(Connection connection) throws SQLException {
        String sql = "SELECT count(*), max(speed_kmh_mean) FROM traffic_sensors_latest WHERE key = ? AND speed_kmh_mean > ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (String key : new String[] {"a", "b", "nobody"}) {
                statement.setString(1, key);
                statement.setDouble(2, 1.5);
                try (ResultSet found = statement.executeQuery()) {
                    found.next();
                    System.out.println(key + " " + found.getLong(1) + " " + found.getDouble(2));
                }
            }
        }
    }

    static void page(Connection connection) throws SQLException {
        String sql = "SELECT window_start FROM traffic_sensors_latest WHERE key = ? AND window_start >= ? ORDER BY 1 LIMIT ? OFFSET ?";
        Calendar utc = Calendar.getInstance(TimeZone.getTimeZone("UTC"));
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setString(1, "a");
            statement.setTimestamp(2, Timestamp.from(Instant.parse("2026-01-05T01:00:00Z")), utc);
            statement.setInt(3, 2);
            statement.setLong(4, 1);
            System.out.println(starts(statement));
            statement.setNull(3, Types.BIGINT);
            System.out.println(starts(statement).size());
        }
    }

    // The driver keeps what it had bound to a statement that fails, and would complain of it when the connection is closed: this one is not.
    static void wrong(String address) throws SQLException {
        Connection connection = DriverManager.getConnection(address);
        try (PreparedStatement statement = connection.prepareStatement("SELECT window_start FROM traffic_sensors_latest LIMIT ?")) {
            statement.setString(1, "many");
            System.out.println(starts(statement));
        } catch (SQLException | RuntimeException error) {
            System.out.println(said(error).contains("expected Arrow type Int(64, true)"));
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT count(*) FROM traffic_sensors_latest WHERE key = ?")) {
            for (String key : new String[] {"a", "b"}) {
                statement.setString(1, key);
                statement.addBatch();
            }
            System.out.println(statement.executeBatch().length);
        } catch (SQLException | RuntimeException error) {
            System.out.println(said(error).contains("nothing is changed over SQL"));
        }
    }

    static List<Instant> starts(PreparedStatement statement) throws SQLException {
        List<Instant> starts = new ArrayList<>();
        try (ResultSet found = statement.executeQuery()) {
            while (found.next()) starts.add(found.getTimestamp(1).toInstant());
        }
        return starts;
    }

    // An error and its causes, as the driver puts what the service says in one of them.
    static String said(Throwable error) {
        StringBuilder said = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) said.append(cause).append('\n');
        return said.toString();
    }

    static void refused(Connection connection) {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT speed FROM traffic_sensors_latest");
            System.out.println("no error");
        } catch (SQLException error) {
            System.out.println(error.getMessage().contains("no column `speed` at line 1, column 8"));
        }
    }
}
