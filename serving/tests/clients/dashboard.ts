// What Grafana's own types say a dashboard is. They leave panels open; here each kind of ours has the options and the fields of its plugin.
import type * as schema from '@grafana/schema';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON holds the texts of an enumeration, where TypeScript wants its names.
type Written<T> = T extends string ? `${T}` : T extends object ? { [Name in keyof T]: Written<T[Name]> } : T;

// Whatever a panel leaves out Grafana takes from the defaults of its plugin.
type Defaulted<T> = T extends object ? { [Name in keyof T]?: Defaulted<T[Name]> } : T;

interface Fields<Custom> extends Omit<schema.FieldConfigSource, 'defaults'> {
  defaults: Omit<schema.FieldConfig, 'custom'> & { custom?: Defaulted<Custom> };
}

interface PanelOf<Type, Options, Custom> extends Omit<schema.Panel, 'type' | 'options' | 'fieldConfig'> {
  type: Type;
  options: Defaulted<Options>;
  fieldConfig: Fields<Custom>;
}

type Panel =
  | schema.RowPanel
  | PanelOf<'stat', stat.Options, Record<string, never>>
  | PanelOf<'table', table.Options, table.FieldConfig>
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>;

export type Dashboard = Written<Omit<schema.Dashboard, 'panels'> & { panels: Panel[] }>;
