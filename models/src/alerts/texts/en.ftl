# What an operator reads. Every message stands in each of the three files.

# Where
headline-road = { $what } on { $road }{ $zone }{ $count }.
headline-key = { $what } at { $key }{ $zone }{ $count }.
headline-line = { $what } on line { $key }{ $zone }{ $count }.
headline-zone = { $what } in zone { $zone }{ $count }.
headline-city = { $what } all over the city{ $count }.
of-zone = , zone { $zone }
key-named = { $name } ({ $key })
key-on-road = { $key } on { $road }
count = { " " }({ $things })
sensors = { $count ->
    [one] { $number } sensor
   *[other] { $number } sensors
}
lines = { $count ->
    [one] { $number } line
   *[other] { $number } lines
}
zones = { $count ->
    [one] { $number } zone
   *[other] { $number } zones
}
car-parks = { $count ->
    [one] { $number } car park
   *[other] { $number } car parks
}
stations = { $count ->
    [one] { $number } station
   *[other] { $number } stations
}

# What
what-congestion-lower-speed = Traffic is slower than expected
what-congestion-higher-speed = Traffic is faster than expected
what-congestion-lower = Less traffic than expected
what-congestion-higher = More traffic than expected
what-severe = Traffic hardly moves (below { $limit } km/h)
what-full-road = The road is as good as full (occupancy above { $limit }%)
what-jump = Traffic changed abruptly
what-incident = Traffic broke down suddenly, an incident is suspected
what-demand-lower = Less than expected: { $quantity }
what-demand-higher = More than expected: { $quantity }
what-delay-lower = Vehicles run less late than expected
what-delay-higher = Vehicles run later than expected
what-passengers-lower = Fewer passengers than expected
what-passengers-higher = More passengers than expected
what-occupied-spaces-lower = Fewer spaces taken than expected
what-occupied-spaces-higher = More spaces taken than expected
what-free-spaces-lower = Fewer free spaces than expected
what-free-spaces-higher = More free spaces than expected
what-bikes-lower = Fewer bikes available than expected
what-bikes-higher = More bikes available than expected
what-docks-lower = Fewer free docks than expected
what-docks-higher = More free docks than expected
what-occupancy-lower = Emptier than expected
what-occupancy-higher = Fuller than expected
what-full = As good as full (above { $limit }%)
what-overcrowded = Vehicles as good as full (above { $limit }%)
what-air-lower = Lower values than expected for { $quantity }
what-air-higher = Higher values than expected for { $quantity }
what-fault-stuck = A sensor has shown the same value for { $lasting }
what-fault-silent = No data for { $lasting }
what-fault-impossible = A sensor shows a value that cannot be
what-fault-erratic = A sensor scatters { $limit } times as much as usual
what-fault-degraded = A sensor marks its data as degraded
what-fault-drift = A sensor has drifted away from what is expected for { $lasting }
what-fault-jump = A sensor jumps in a way that cannot be
what-fault-alone = A sensor disagrees with its neighbours
what-outage = Many sensors are silent or degraded at once

# Since when, seen, expected
since-today = Since { $time } ({ $clock }).
since-day = Since { $time } on { $day } { $month } ({ $clock }).
seen-expected = Seen: { $quantity } { $seen }; expected: { $low } to { $high }.
seen = Seen: { $quantity } { $seen }.
seen-scatter = Readings scatter by { $seen }.
seen-scatter-usual = Readings scatter by { $seen }, usually { $usual }.
impact = { $hours ->
    [one] About { $number } vehicle-hour lost so far.
   *[other] About { $number } vehicle-hours lost so far.
}
certainty = Certainty { $percent }%.
learning = The detector has seen less than a day of this and is still learning what is usual, so it may be wrong.

# Why
cause-reported-away = Likely cause: { $cause } { $subject }, { $distance } away, known since { $moment }.
cause-reported = Likely cause: { $cause } { $subject }, known since { $moment }.
accident = accident
breakdown = broken-down vehicle
roadwork = roadworks
event = event
demonstration = demonstration
flooding = flooding
power_outage = power outage
weather-rain = rain, { $value } mm an hour
weather-snow = snow
weather-wind = wind, { $value } km/h
weather-fog = fog
cause-rain = Likely cause: { weather-rain }.
cause-snow = Likely cause: { weather-snow }.
cause-wind = Likely cause: { weather-wind }.
cause-fog = Likely cause: { weather-fog }.
normal-neighbours = { $count ->
    [one] { $number } neighbour is normal
   *[other] { $number } neighbours are normal
}
cause-faulty = Likely cause: the sensor itself.
cause-faulty-compared = Likely cause: the sensor itself; { normal-neighbours }.
cause-silent = Likely cause: the sensor itself or its connection.
cause-silent-compared = Likely cause: the sensor itself or its connection; { normal-neighbours }.
cause-outage = Likely cause: an outage of the gateway, the broker or the feed.
cause-recurrent = Likely cause: the usual congestion at this time.
cause-unknown = The cause is not known.
evidence-distance = { $distance } away
evidence-since = since { $moment }
times-before = { $count ->
    [one] { $number } time before
   *[other] { $number } times before
}

# How long
end-today = Probably over by { $time }.
end-day = Probably over by { $time } on { $day } { $month }.
resolved = Back to normal since { $moment }.
lost = Closed: no data since { $moment }.
merged = Part of another alert now: { $alert }.
reopened = It had been over and came back.

# What to do
do-help = What to do: make sure that help is on its way, divert traffic and warn drivers.
do-works = What to do: check signs and signal timing at the roadworks.
do-crowd = What to do: coordinate with the organisers, adapt signals and public transport.
do-weather = What to do: warn drivers, lower speed limits and check gritting and drains.
do-power = What to do: call the grid operator and secure junctions without signals.
do-usual = What to do: nothing new; review signal timing if it gets worse.
do-look = What to do: look at the nearest cameras and keep an eye on it.
do-verify = What to do: look at the nearest camera or send a patrol; nobody has reported an incident.
do-none = What to do: nothing on the road; check the sensor if no holiday or closure explains it.
do-sensor = What to do: have the sensor checked and do not rely on its values until then.
do-silent = What to do: have its power and its connection checked; until it reports again, nothing is known of this place.
do-feed = What to do: check gateway, broker and feed; forecasts here are less reliable until then.
do-demand = What to do: check capacity and, if need be, send more vehicles or staff.
do-delay = What to do: ask the control centre what holds the vehicles up, and tell passengers.
do-bikes = What to do: bring bikes or take some away.
do-quiet = What to do: nothing at once; see whether a closure, a cancelled service or a holiday explains it.
do-air = What to do: compare with nearby stations and inform the health office if it goes on.

# Quantities and units
quantity-speed = speed
quantity-flow = traffic flow
quantity-occupancy = occupancy
quantity-delay = delay
quantity-passengers = passengers per vehicle
quantity-occupied-spaces = occupied spaces
quantity-free-spaces = free spaces
quantity-bikes = available bikes
quantity-docks = free docks
quantity-pm25 = PM2.5
quantity-pm10 = PM10
quantity-no2 = NO₂
quantity-o3 = O₃
quantity-co = CO
quantity-so2 = SO₂
quantity-aqi = air quality index
unit-speed = { $value } km/h
unit-flow = { $value } veh. in 5 min
unit-occupancy = { $value }%
unit-delay = { $value } min
unit-micrograms = { $value } µg/m³
unit-milligrams = { $value } mg/m³
unit-none = { $value }
metres = { $value } m
kilometres = { $value } km
minutes = { $count ->
    [one] { $number } minute
   *[other] { $number } minutes
}
hours = { $count ->
    [one] { $number } hour
   *[other] { $number } hours
}
moment-today = { $time }
moment-day = { $time } on { $day } { $month }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

# Words of lists and labels: beside these sentences times are UTC
label-severity = severity
label-state = state
label-kind = kind
label-where = where
label-coordinates = latitude, longitude
label-since-utc = since (UTC)
label-since = since
label-for = for
label-seen = seen
label-scatter = scatter
label-expected = expected
label-cause = cause
label-evidence = evidence (local time)
label-incident = incident
label-alert = alert
label-over = over
label-over-probably = over, we think
label-certainty = certainty
label-lost = lost so far
label-keys = keys
label-taken-on = taken on
label-held-back = held back
label-became-part = became part
label-judged = judged
label-sink = sink
label-revision = revision
label-given-up-utc = given up (UTC)
label-answer = what the receiver said
show-alert = { $alert }, revision { $revision }
show-since = { $time } UTC, for { $lasting }
show-seen = { $seen }, expected { $expected }
show-certainty = { $percent } %, score { $value } (1.0 is the line)
show-lost = { $count ->
    [one] { $number } vehicle-hour
   *[other] { $number } vehicle-hours
}
show-taken-on = by { $by }, { $time } UTC
show-held-back = by { $by }: nobody is told
show-became-part = of { $alert }
show-chart = { $what } at { $key }, over what was expected (░), UTC
show-peak = ▲ is the strangest window: what is said above was seen there.
show-ahead = ░ is what was expected of each window up to an hour before it. Of an event that lasts longer forecasts know by then, and ░ follows it.
show-usual = ░ is what is usual at this time of the week.
show-partly = Where ░ is missing, what was expected is not known any more.
show-incident-active = since { $time } UTC, expected to be over by { $end } UTC
show-incident-over = since { $time } UTC, over by now
place-keys = { $place } ({ $number } keys)
range = { $low } to { $high }
range-from = from { $low }
range-to = up to { $high }
lasting-seconds = { $value } s
lasting-minutes = { $value } min
lasting-hours = { $value } h
lasting-days = { $value } days
kind-congestion = congestion
kind-incident_suspected = incident suspected
kind-sensor_fault = sensor fault
kind-data_quality = data quality
kind-demand = demand
kind-air = air
severity-low = low
severity-medium = medium
severity-high = high
severity-critical = critical
state-open = open
state-acknowledged = acknowledged
state-resolved = resolved
state-reopened = reopened
state-merged = merged
judged-useful = useful
judged-false = false
judged-duplicate = duplicate
judged-withdrawn = withdrawn
why-weather = weather
why-faulty_sensor = faulty sensor
why-feed_outage = feed outage
why-recurrent = recurrent
why-unknown = unknown
why-accident = { accident }
why-breakdown = { breakdown }
why-roadwork = { roadwork }
why-event = { event }
why-demonstration = { demonstration }
why-flooding = { flooding }
why-power_outage = { power_outage }

# What the command line says beside them
nothing-listed = no alerts
zone-unknown = no zone { $zone } is known: nothing that reports lies there
zone-unknown-near = no zone { $zone } is known: nothing that reports lies there. Names like it: { $near }
zone-unknown-known = no zone { $zone } is known: nothing that reports lies there. Known are: { $known }
more-listed = there are more: --limit takes a larger number
nothing-open = nothing is open; waiting
nothing-changed = nothing has changed since; waiting
went-away = the service went away ({ $reason }); asking again
no-letters = no dead letters
letters-sent = { $sent } sent, { $left } left
acknowledged = acknowledged by { $by }
acknowledged-after = acknowledged by { $by }; before that by { $former }, since { $time } UTC
recorded = Recorded: alert { $alert } is judged { $verdict } by { $by }. To take it back: arterial alerts judge { $alert } withdrawn
recorded-withdrawn = Recorded: what was said of alert { $alert } does not count any more, says { $by }. To judge it again: arterial alerts judge { $alert } useful|false|duplicate
effect = Alerts at the keys of this alert over the last { $lasting }, of whatever kind, had this judgement stood: { $gone } not raised (-), { $added } raised in addition (+), { $kept } as they are
effect-none = Alerts at the keys of this alert over the last { $lasting }, of whatever kind: none would change, { $kept } stay as they are
effect-more = and { $number } more
effect-alert = { $time } UTC, { $severity }, peak { $value }: { $text }
effect-unknown = what a lower line would add cannot be seen yet: nothing was kept of what detectors said
effect-absent = What it changes could not be seen: the log of the service says why
