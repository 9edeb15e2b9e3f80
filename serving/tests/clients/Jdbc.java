// What a program that uses JDBC does with the service: metadata, a query, a prepared one. Prints a line for each.
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

public class Jdbc {
    public static void main(String[] arguments) {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            metadata(connection.getMetaData());
            query(connection);
            prepared(connection);
            refused(connection);
        } catch (SQLException | RuntimeException error) {
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
            while (found.next()) columns.add(found.getString("COLUMN_NAME") + ":" + found.getString("TYPE_NAME"));
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

    static void query(Connection connection) throws SQLException {
        String sql = "SELECT key, window_start, speed_kmh_mean, events FROM traffic_sensors_latest ORDER BY window_start, key LIMIT 2";
        try (Statement statement = connection.createStatement(); ResultSet found = statement.executeQuery(sql)) {
            ResultSetMetaData columns = found.getMetaData();
            System.out.println(columns.getColumnCount() + " " + columns.getColumnName(3) + " " + columns.getColumnTypeName(3));
            while (found.next()) {
                System.out.println(found.getString(1) + " " + found.getTimestamp(2).toInstant() + " " + found.getDouble(3) + " " + found.getLong(4));
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

    static void refused(Connection connection) {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT speed FROM traffic_sensors_latest");
            System.out.println("no error");
        } catch (SQLException error) {
            System.out.println(error.getMessage().contains("no column `speed` at line 1, column 8"));
        }
    }
}
