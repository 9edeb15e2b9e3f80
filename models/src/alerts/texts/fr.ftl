# Ce que lit l'opérateur. Chaque message se trouve dans les trois fichiers.

# Où
headline-road = { $what } : { $road }{ $zone }{ $count }.
headline-key = { $what } : { $key }{ $zone }{ $count }.
headline-line = { $what } : ligne { $key }{ $zone }{ $count }.
headline-zone = { $what } : zone { $zone }{ $count }.
headline-city = { $what } dans toute la ville{ $count }.
of-zone = , zone { $zone }
key-named = { $name } ({ $key })
key-on-road = { $key }, { $road }
count = { " " }({ $things })
sensors = { $count ->
    [one] { $number } capteur
   *[other] { $number } capteurs
}
lines = { $count ->
    [one] { $number } ligne
   *[other] { $number } lignes
}
zones = { $count ->
    [one] { $number } zone
   *[other] { $number } zones
}
car-parks = { $count ->
    [one] { $number } parking
   *[other] { $number } parkings
}
stations = { $count ->
    [one] { $number } station
   *[other] { $number } stations
}

# Quoi
what-congestion-lower-speed = Le trafic est plus lent que prévu
what-congestion-higher-speed = Le trafic est plus rapide que prévu
what-congestion-lower = Moins de trafic que prévu
what-congestion-higher = Plus de trafic que prévu
what-severe = Le trafic est presque à l'arrêt (moins de { $limit } km/h)
what-full-road = La route est pratiquement saturée (occupation de plus de { $limit } %)
what-jump = Le trafic a changé brusquement
what-incident = Le trafic s'est bloqué soudainement, un incident est probable
what-demand-lower = Moins que prévu ({ $quantity })
what-demand-higher = Plus que prévu ({ $quantity })
what-delay-lower = Les véhicules ont moins de retard que prévu
what-delay-higher = Les véhicules ont plus de retard que prévu
what-passengers-lower = Moins de passagers que prévu
what-passengers-higher = Plus de passagers que prévu
what-occupied-spaces-lower = Moins de places occupées que prévu
what-occupied-spaces-higher = Plus de places occupées que prévu
what-free-spaces-lower = Moins de places libres que prévu
what-free-spaces-higher = Plus de places libres que prévu
what-bikes-lower = Moins de vélos disponibles que prévu
what-bikes-higher = Plus de vélos disponibles que prévu
what-docks-lower = Moins de bornettes libres que prévu
what-docks-higher = Plus de bornettes libres que prévu
what-occupancy-lower = Plus vide que prévu
what-occupancy-higher = Plus plein que prévu
what-full = Pratiquement complet (plus de { $limit } %)
what-overcrowded = Véhicules pratiquement pleins (plus de { $limit } %)
what-air-lower = Valeurs plus basses que prévu ({ $quantity })
what-air-higher = Valeurs plus hautes que prévu ({ $quantity })
what-fault-stuck = Un capteur affiche la même valeur depuis { $lasting }
what-fault-silent = Aucune donnée depuis { $lasting }
what-fault-impossible = Un capteur affiche une valeur impossible
what-fault-erratic = Un capteur fluctue { $limit } fois plus que d'habitude
what-fault-degraded = Un capteur signale des données dégradées
what-fault-drift = Un capteur s'écarte de ce qui est prévu depuis { $lasting }
what-fault-jump = Un capteur fait des sauts impossibles
what-fault-alone = Un capteur contredit ses voisins
what-outage = De nombreux capteurs sont muets ou dégradés en même temps

# Depuis quand, observé, prévu
since-today = Depuis { $time } ({ $clock }).
since-day = Depuis le { $day } { $month } à { $time } ({ $clock }).
seen-expected = Observé : { $quantity } { $seen } ; prévu : de { $low } à { $high }.
seen = Observé : { $quantity } { $seen }.
seen-scatter = Les mesures se dispersent de { $seen }.
seen-scatter-usual = Les mesures se dispersent de { $seen }, d'habitude { $usual }.
impact = { $hours ->
    [one] Environ { $number } heure-véhicule perdue jusqu'ici.
   *[other] Environ { $number } heures-véhicule perdues jusqu'ici.
}
certainty = Certitude { $percent } %.
learning = Le détecteur observe cela depuis moins d'un jour et apprend encore ce qui est habituel : il peut se tromper.

# Pourquoi
cause-reported-away = Cause probable : { $cause } { $subject }, à { $distance }, signalement : { $moment }.
cause-reported = Cause probable : { $cause } { $subject }, signalement : { $moment }.
accident = accident
breakdown = véhicule en panne
roadwork = travaux
event = événement
demonstration = manifestation
flooding = inondation
power_outage = panne de courant
weather-rain = pluie, { $value } mm par heure
weather-snow = neige
weather-wind = vent, { $value } km/h
weather-fog = brouillard
cause-rain = Cause probable : { weather-rain }.
cause-snow = Cause probable : { weather-snow }.
cause-wind = Cause probable : { weather-wind }.
cause-fog = Cause probable : { weather-fog }.
normal-neighbours = { $count ->
    [one] { $number } voisin est normal
   *[other] { $number } voisins sont normaux
}
cause-faulty = Cause probable : le capteur lui-même.
cause-faulty-compared = Cause probable : le capteur lui-même ; { normal-neighbours }.
cause-silent = Cause probable : le capteur lui-même ou sa liaison.
cause-silent-compared = Cause probable : le capteur lui-même ou sa liaison ; { normal-neighbours }.
cause-outage = Cause probable : une panne de la passerelle, du broker ou du flux de données.
cause-recurrent = Cause probable : la congestion habituelle à cette heure.
cause-unknown = La cause n'est pas connue.
evidence-distance = à { $distance }
evidence-since = depuis { $moment }
times-before = déjà { $number } fois

# Combien de temps
end-today = Fin probable vers { $time }.
end-day = Fin probable le { $day } { $month } vers { $time }.
resolved = Retour à la normale depuis { $moment }.
lost = Fermée : pas de données depuis { $moment }.
merged = Fait maintenant partie d'une autre alerte : { $alert }.
reopened = C'était terminé, puis c'est revenu.

# Que faire
do-help = Que faire : vérifier que les secours sont en route, dévier le trafic et avertir les conducteurs.
do-works = Que faire : vérifier la signalisation et les feux près des travaux.
do-crowd = Que faire : se concerter avec les organisateurs, adapter les feux et les transports publics.
do-weather = Que faire : avertir les conducteurs, abaisser les vitesses, vérifier le salage et les évacuations d'eau.
do-power = Que faire : appeler le gestionnaire du réseau et sécuriser les carrefours sans feux.
do-usual = Que faire : rien de nouveau ; revoir les feux si cela s'aggrave.
do-look = Que faire : regarder les caméras les plus proches et suivre l'évolution.
do-verify = Que faire : regarder la caméra la plus proche ou envoyer une patrouille ; personne n'a signalé d'incident.
do-none = Que faire : rien sur la route ; vérifier le capteur si ni jour férié ni fermeture ne l'expliquent.
do-sensor = Que faire : faire vérifier le capteur et ne pas se fier à ses valeurs d'ici là.
do-silent = Que faire : faire vérifier son alimentation et sa liaison ; d'ici là, rien n'est connu de cet endroit.
do-feed = Que faire : vérifier passerelle, broker et flux ; les prévisions y sont moins fiables d'ici là.
do-demand = Que faire : vérifier la capacité et, au besoin, renforcer véhicules ou personnel.
do-delay = Que faire : demander à la régulation ce qui retient les véhicules, et informer les passagers.
do-bikes = Que faire : apporter des vélos ou en retirer.
do-quiet = Que faire : rien dans l'immédiat ; voir si une fermeture, un service supprimé ou un jour férié l'explique.
do-air = Que faire : comparer avec les stations voisines et informer le service de santé si cela dure.

# Grandeurs et unités
quantity-speed = vitesse
quantity-flow = débit
quantity-occupancy = occupation
quantity-delay = retard
quantity-passengers = passagers par véhicule
quantity-occupied-spaces = places occupées
quantity-free-spaces = places libres
quantity-bikes = vélos disponibles
quantity-docks = bornettes libres
quantity-pm25 = PM2.5
quantity-pm10 = PM10
quantity-no2 = NO₂
quantity-o3 = O₃
quantity-co = CO
quantity-so2 = SO₂
quantity-aqi = indice de qualité de l'air
unit-speed = { $value } km/h
unit-flow = { $value } véh. en 5 min
unit-occupancy = { $value } %
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
    [one] { $number } heure
   *[other] { $number } heures
}
moment-today = { $time }
moment-day = le { $day } { $month } à { $time }
month-1 = janvier
month-2 = février
month-3 = mars
month-4 = avril
month-5 = mai
month-6 = juin
month-7 = juillet
month-8 = août
month-9 = septembre
month-10 = octobre
month-11 = novembre
month-12 = décembre

# Mots des listes et étiquettes : à côté d'eux, l'heure est UTC
label-severity = gravité
label-state = état
label-kind = genre
label-where = lieu
label-coordinates = latitude, longitude
label-since-utc = depuis (UTC)
label-since = depuis
label-for = durée
label-seen = observé
label-scatter = dispersion
label-expected = prévu
label-cause = cause
label-evidence = indices (heure locale)
label-incident = incident
label-alert = alerte
label-over = fin
label-over-probably = fin probable
label-certainty = certitude
label-lost = déjà perdu
label-keys = clés
label-taken-on = prise en main
label-held-back = retenue
label-became-part = intégrée
label-judged = jugée
label-sink = destinataire
label-revision = révision
label-given-up-utc = abandonné (UTC)
label-answer = réponse du destinataire
show-alert = { $alert }, révision { $revision }
show-since = { $time } UTC, durée { $lasting }
show-seen = { $seen }, prévu { $expected }
show-certainty = { $percent } %, score { $value } (le seuil est 1.0)
show-lost = { $count ->
    [one] { $number } heure-véhicule
   *[other] { $number } heures-véhicule
}
show-taken-on = par { $by }, { $time } UTC
show-held-back = par { $by } : personne n'est averti
show-became-part = à { $alert }
show-chart = { $what }, { $key }, sur ce qui était prévu (░), UTC
show-peak = ▲ est la fenêtre la plus étrange : ce qui est dit plus haut y a été observé.
show-ahead = ░ est ce qui était attendu de chaque fenêtre, une heure avant elle au plus tôt. D'un événement qui dure plus longtemps les prévisions tiennent alors compte, et ░ le suit.
show-usual = ░ est ce qui est habituel à cette heure de la semaine.
show-partly = Là où ░ manque, ce qui était prévu n'est plus connu.
show-incident-active = depuis { $time } UTC, fin prévue { $end } UTC
show-incident-over = depuis { $time } UTC, terminé
place-keys = { $place } ({ $number } clés)
range = de { $low } à { $high }
range-from = à partir de { $low }
range-to = jusqu'à { $high }
lasting-seconds = { $value } s
lasting-minutes = { $value } min
lasting-hours = { $value } h
lasting-days = { $value } j
kind-congestion = congestion
kind-incident_suspected = incident suspecté
kind-sensor_fault = panne de capteur
kind-data_quality = qualité des données
kind-demand = demande
kind-air = air
severity-low = faible
severity-medium = moyenne
severity-high = élevée
severity-critical = critique
state-open = ouverte
state-acknowledged = prise en main
state-resolved = terminée
state-reopened = rouverte
state-merged = fusionnée
judged-useful = utile
judged-false = fausse
judged-duplicate = doublon
judged-withdrawn = retirée
why-weather = météo
why-faulty_sensor = capteur défectueux
why-feed_outage = panne du flux
why-recurrent = congestion habituelle
why-unknown = inconnue
why-accident = { accident }
why-breakdown = { breakdown }
why-roadwork = { roadwork }
why-event = { event }
why-demonstration = { demonstration }
why-flooding = { flooding }
why-power_outage = { power_outage }

# Ce que la ligne de commande dit à côté
nothing-listed = aucune alerte
zone-unknown = aucune zone { $zone } n'est connue : rien n'y émet de mesures
zone-unknown-near = aucune zone { $zone } n'est connue : rien n'y émet de mesures. Noms proches : { $near }
zone-unknown-known = aucune zone { $zone } n'est connue : rien n'y émet de mesures. Zones connues : { $known }
more-listed = il y en a d'autres : augmenter --limit
nothing-open = aucune alerte ouverte ; en attente
nothing-changed = rien n'a changé depuis ; en attente
went-away = le service ne répond plus ({ $reason }) ; nouvel essai
no-letters = aucun message non remis
letters-sent = envoyés : { $sent }, restants : { $left }
acknowledged = prise en main par { $by }
acknowledged-after = prise en main par { $by } ; avant, par { $former } depuis { $time } UTC
recorded = Enregistré : l'alerte { $alert } est jugée { $verdict } par { $by }. Pour retirer ce jugement : arterial alerts judge { $alert } withdrawn
recorded-withdrawn = Enregistré : ce qui a été dit de l'alerte { $alert } ne compte plus, dit { $by }. Pour la juger à nouveau : arterial alerts judge { $alert } useful|false|duplicate
effect = Alertes de tout genre aux clés de cette alerte sur { $lasting }, si ce jugement avait valu : { $gone } disparues (-), { $added } ajoutées (+), { $kept } inchangées
effect-none = Alertes de tout genre aux clés de cette alerte sur { $lasting } : aucune ne changerait, { $kept } inchangées
effect-more = et { $number } de plus
effect-alert = { $time } UTC, gravité { $severity }, pic { $value } : { $text }
effect-unknown = ce qu'un seuil plus bas ajouterait ne se voit pas encore : rien n'a été gardé des signaux des détecteurs
effect-absent = Ce que cela change n'a pas pu être déterminé : le journal du service dit pourquoi
