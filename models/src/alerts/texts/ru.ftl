# То, что читает оператор. Каждое сообщение есть во всех трёх файлах.

# Где
headline-road = { $what }: { $road }{ $zone }{ $count }.
headline-key = { $what }: { $key }{ $zone }{ $count }.
headline-line = { $what }: маршрут { $key }{ $zone }{ $count }.
headline-zone = { $what }: зона { $zone }{ $count }.
headline-city = { $what } по всему городу{ $count }.
of-zone = , зона { $zone }
key-named = { $name } ({ $key })
key-on-road = { $key }, { $road }
count = { " " }({ $things })
sensors = { $count ->
    [one] { $number } датчик
    [few] { $number } датчика
   *[many] { $number } датчиков
}
lines = { $count ->
    [one] { $number } маршрут
    [few] { $number } маршрута
   *[many] { $number } маршрутов
}
zones = { $count ->
    [one] { $number } зона
    [few] { $number } зоны
   *[many] { $number } зон
}
car-parks = { $count ->
    [one] { $number } парковка
    [few] { $number } парковки
   *[many] { $number } парковок
}
stations = { $count ->
    [one] { $number } станция
    [few] { $number } станции
   *[many] { $number } станций
}

# Что
what-congestion-lower-speed = Движение медленнее ожидаемого
what-congestion-higher-speed = Движение быстрее ожидаемого
what-congestion-lower = Машин меньше, чем ожидалось
what-congestion-higher = Машин больше, чем ожидалось
what-severe = Движение почти остановилось (ниже { $limit } км/ч)
what-full-road = Дорога практически заполнена (занятость выше { $limit } %)
what-jump = Движение резко изменилось
what-incident = Движение внезапно встало, возможно происшествие
what-demand-lower = Меньше, чем ожидалось ({ $quantity })
what-demand-higher = Больше, чем ожидалось ({ $quantity })
what-delay-lower = Транспорт опаздывает меньше, чем ожидалось
what-delay-higher = Транспорт опаздывает больше, чем ожидалось
what-passengers-lower = Пассажиров меньше, чем ожидалось
what-passengers-higher = Пассажиров больше, чем ожидалось
what-occupied-spaces-lower = Занятых мест меньше, чем ожидалось
what-occupied-spaces-higher = Занятых мест больше, чем ожидалось
what-free-spaces-lower = Свободных мест меньше, чем ожидалось
what-free-spaces-higher = Свободных мест больше, чем ожидалось
what-bikes-lower = Доступных велосипедов меньше, чем ожидалось
what-bikes-higher = Доступных велосипедов больше, чем ожидалось
what-docks-lower = Свободных мест для велосипедов меньше, чем ожидалось
what-docks-higher = Свободных мест для велосипедов больше, чем ожидалось
what-occupancy-lower = Свободнее, чем ожидалось
what-occupancy-higher = Заполнено сильнее, чем ожидалось
what-full = Мест практически нет (занято более { $limit } %)
what-overcrowded = Транспорт практически заполнен (более { $limit } %)
what-air-lower = Значения ниже ожидаемых ({ $quantity })
what-air-higher = Значения выше ожидаемых ({ $quantity })
what-fault-stuck = Датчик показывает одно и то же значение уже { $lasting }
what-fault-silent = Нет данных уже { $lasting }
what-fault-impossible = Датчик показывает невозможное значение
what-fault-erratic = Разброс показаний датчика больше обычного (×{ $limit })
what-fault-degraded = Датчик помечает свои данные как ненадёжные
what-fault-drift = Показания датчика отклоняются от ожидаемых уже { $lasting }
what-fault-jump = Показания датчика скачут так, как не бывает
what-fault-alone = Датчик расходится с соседними
what-outage = Много датчиков одновременно молчат или дают ненадёжные данные

# С каких пор, что видно, что ожидалось
since-today = С { $time } ({ $clock }).
since-day = С { $time } { $day } { $month } ({ $clock }).
seen-expected = Наблюдалось: { $quantity } { $seen }; ожидалось: от { $low } до { $high }.
seen = Наблюдалось: { $quantity } { $seen }.
seen-scatter = Разброс показаний { $seen }.
seen-scatter-usual = Разброс показаний { $seen }, обычно { $usual }.
impact = { $hours ->
    [one] Потерян примерно { $number } машино-час.
    [few] Потеряно примерно { $number } машино-часа.
   *[many] Потеряно примерно { $number } машино-часов.
}
certainty = Уверенность { $percent } %.
learning = Детектор видел это меньше суток и ещё узнаёт, что здесь обычно, поэтому может ошибаться.

# Почему
cause-reported-away = Вероятная причина: { $cause } { $subject }, расстояние { $distance }, известно с { $moment }.
cause-reported = Вероятная причина: { $cause } { $subject }, известно с { $moment }.
accident = ДТП
breakdown = сломавшаяся машина
roadwork = дорожные работы
event = мероприятие
demonstration = демонстрация
flooding = подтопление
power_outage = отключение электричества
weather-rain = дождь, { $value } мм в час
weather-snow = снег
weather-wind = ветер, { $value } км/ч
weather-fog = туман
cause-rain = Вероятная причина: { weather-rain }.
cause-snow = Вероятная причина: { weather-snow }.
cause-wind = Вероятная причина: { weather-wind }.
cause-fog = Вероятная причина: { weather-fog }.
normal-neighbours = { $count ->
    [one] { $number } соседний в норме
   *[many] { $number } соседних в норме
}
cause-faulty = Вероятная причина: сам датчик.
cause-faulty-compared = Вероятная причина: сам датчик; { normal-neighbours }.
cause-silent = Вероятная причина: сам датчик или его связь.
cause-silent-compared = Вероятная причина: сам датчик или его связь; { normal-neighbours }.
cause-outage = Вероятная причина: сбой шлюза, брокера или источника данных.
cause-recurrent = Вероятная причина: обычный для этого времени затор.
cause-unknown = Причина неизвестна.
evidence-distance = расстояние { $distance }
evidence-since = с { $moment }
times-before = { $count ->
    [one] уже { $number } раз
    [few] уже { $number } раза
   *[many] уже { $number } раз
}

# Как долго
end-today = Вероятно, закончится к { $time }.
end-day = Вероятно, закончится к { $time } { $day } { $month }.
resolved = Снова в норме с { $moment }.
lost = Закрыто: нет данных с { $moment }.
merged = Теперь это часть другого оповещения: { $alert }.
reopened = Событие закончилось и началось снова.

# Что делать
do-help = Что делать: убедиться, что помощь в пути, направить поток в объезд и предупредить водителей.
do-works = Что делать: проверить знаки и режим светофоров у места работ.
do-crowd = Что делать: связаться с организаторами, скорректировать светофоры и транспорт.
do-weather = Что делать: предупредить водителей, снизить скорость, проверить обработку дорог и водостоки.
do-power = Что делать: связаться с энергосетью и обезопасить перекрёстки без светофоров.
do-usual = Что делать: ничего нового; если станет хуже, пересмотреть режим светофоров.
do-look = Что делать: посмотреть ближайшие камеры и следить за развитием.
do-verify = Что делать: посмотреть ближайшую камеру или выслать патруль; о происшествии никто не сообщал.
do-none = Что делать: на дороге ничего; если праздник или перекрытие этого не объясняют, проверить датчик.
do-sensor = Что делать: проверить датчик и до тех пор не полагаться на его показания.
do-silent = Что делать: проверить питание и связь; пока данных снова нет, об этом месте ничего не известно.
do-feed = Что делать: проверить шлюз, брокер и источник данных; прогнозы здесь пока менее надёжны.
do-demand = Что делать: проверить вместимость и при необходимости добавить транспорт или персонал.
do-delay = Что делать: узнать у диспетчера, что задерживает транспорт, и предупредить пассажиров.
do-bikes = Что делать: подвезти велосипеды или забрать лишние.
do-quiet = Что делать: срочно ничего; выяснить, не объясняет ли это перекрытие, отменённый рейс или праздник.
do-air = Что делать: сравнить с соседними станциями и, если не пройдёт, сообщить санитарной службе.

# Величины и единицы
quantity-speed = скорость
quantity-flow = поток
quantity-occupancy = занятость
quantity-delay = задержка
quantity-passengers = число пассажиров в салоне
quantity-occupied-spaces = число занятых мест
quantity-free-spaces = число свободных мест
quantity-bikes = число доступных велосипедов
quantity-docks = число свободных мест для велосипедов
quantity-pm25 = PM2.5
quantity-pm10 = PM10
quantity-no2 = NO₂
quantity-o3 = O₃
quantity-co = CO
quantity-so2 = SO₂
quantity-aqi = индекс качества воздуха
unit-speed = { $value } км/ч
unit-flow = { $value } маш. за 5 мин
unit-occupancy = { $value } %
unit-delay = { $value } мин
unit-micrograms = { $value } мкг/м³
unit-milligrams = { $value } мг/м³
unit-none = { $value }
metres = { $value } м
kilometres = { $value } км
minutes = { $count ->
    [one] { $number } минуту
    [few] { $number } минуты
   *[many] { $number } минут
}
hours = { $count ->
    [one] { $number } час
    [few] { $number } часа
   *[many] { $number } часов
}
moment-today = { $time }
moment-day = { $time } { $day } { $month }
month-1 = января
month-2 = февраля
month-3 = марта
month-4 = апреля
month-5 = мая
month-6 = июня
month-7 = июля
month-8 = августа
month-9 = сентября
month-10 = октября
month-11 = ноября
month-12 = декабря

# Слова списков и подписи: рядом с ними время указано по UTC
label-severity = важность
label-state = состояние
label-kind = вид
label-where = где
label-coordinates = широта, долгота
label-since-utc = с (UTC)
label-since = с
label-for = длится
label-seen = наблюдалось
label-scatter = разброс
label-expected = ожидалось
label-cause = причина
label-evidence = основания (местное время)
label-incident = происшествие
label-alert = оповещение
label-over = закончилось
label-over-probably = вероятный конец
label-certainty = уверенность
label-lost = потеряно
label-keys = ключи
label-taken-on = принято
label-held-back = придержано
label-became-part = вошло
label-judged = оценка
label-sink = получатель
label-revision = редакция
label-given-up-utc = попытки прекращены (UTC)
label-answer = ответ получателя
show-alert = { $alert }, редакция { $revision }
show-since = { $time } UTC, длится { $lasting }
show-seen = { $seen }, ожидалось { $expected }
show-certainty = { $percent } %, балл { $value } (порог 1.0)
show-lost = { $count ->
    [one] { $number } машино-час
    [few] { $number } машино-часа
    [many] { $number } машино-часов
   *[other] { $number } машино-часа
}
show-taken-on = { $by }, { $time } UTC
show-held-back = { $by }: никому не сообщается
show-became-part = в { $alert }
show-chart = { $what }, { $key }, на фоне ожидаемого (░), UTC
show-peak = ▲ — самое необычное окно: сказанное выше наблюдалось в нём.
show-ahead = ░ — что ожидалось от каждого окна не раньше чем за час до него. О событии, которое длится дольше, прогнозы тогда уже знают, и ░ следует за ним.
show-usual = ░ — что обычно в это время недели.
show-partly = Где нет ░, там ожидаемое уже неизвестно.
show-incident-active = с { $time } UTC, ожидаемый конец { $end } UTC
show-incident-over = с { $time } UTC, уже закончилось
place-keys = { $place } (ключей: { $number })
range = от { $low } до { $high }
range-from = от { $low }
range-to = до { $high }
lasting-seconds = { $value } с
lasting-minutes = { $value } мин
lasting-hours = { $value } ч
lasting-days = { $value } дн.
kind-congestion = затор
kind-incident_suspected = возможно происшествие
kind-sensor_fault = сбой датчика
kind-data_quality = качество данных
kind-demand = спрос
kind-air = воздух
severity-low = низкая
severity-medium = средняя
severity-high = высокая
severity-critical = критическая
state-open = открыто
state-acknowledged = принято
state-resolved = завершено
state-reopened = возобновлено
state-merged = объединено
judged-useful = полезное
judged-false = ложное
judged-duplicate = повтор
judged-withdrawn = отозвано
why-weather = погода
why-faulty_sensor = неисправный датчик
why-feed_outage = сбой источника данных
why-recurrent = обычный затор
why-unknown = неизвестна
why-accident = { accident }
why-breakdown = { breakdown }
why-roadwork = { roadwork }
why-event = { event }
why-demonstration = { demonstration }
why-flooding = { flooding }
why-power_outage = { power_outage }

# Что говорит рядом с ними командная строка
nothing-listed = оповещений нет
zone-unknown = зона { $zone } неизвестна: оттуда ничего не поступает
zone-unknown-near = зона { $zone } неизвестна: оттуда ничего не поступает. Похожие названия: { $near }
zone-unknown-known = зона { $zone } неизвестна: оттуда ничего не поступает. Известны: { $known }
more-listed = есть ещё: увеличьте --limit
nothing-open = открытых оповещений нет; ожидание
nothing-changed = с тех пор ничего не изменилось; ожидание
went-away = сервис недоступен ({ $reason }); запрос повторяется
no-letters = недоставленных сообщений нет
letters-sent = отправлено: { $sent }, осталось: { $left }
acknowledged = принято: { $by }
acknowledged-after = принято: { $by }; до этого: { $former }, с { $time } UTC
recorded = Записано: оповещение { $alert } оценено как «{ $verdict }», { $by }. Отозвать: arterial alerts judge { $alert } withdrawn
recorded-withdrawn = Записано: прежняя оценка оповещения { $alert } больше не учитывается, { $by }. Оценить снова: arterial alerts judge { $alert } useful|false|duplicate
effect = Оповещения любого вида по ключам этого оповещения за последние { $lasting }, если бы эта оценка действовала: исчезло (-): { $gone }, добавилось (+): { $added }, без изменений: { $kept }
effect-none = Оповещения любого вида по ключам этого оповещения за последние { $lasting }: ни одно не изменилось бы, без изменений: { $kept }
effect-more = и ещё { $number }
effect-alert = { $time } UTC, важность { $severity }, пик { $value }: { $text }
effect-unknown = что добавил бы более низкий порог, пока не видно: сигналы детекторов ещё не сохранялись
effect-absent = Что при этом меняется, определить не удалось: причина в журнале службы
