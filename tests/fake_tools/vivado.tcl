# The commands of Vivado that a non-project flow of ours may use: each checks the order of steps
# and its files, and the reports are written by ::env(FAKE_WRITER).

set state [dict create files {} done {} period {}]

proc fail {text} { error "ERROR: \[Common 17-69\] $text" }

proc words {arguments values} {
    # What is no option, with the options' values left out; and the values by option.
    set found [dict create {} {}]
    while {[llength $arguments]} {
        set arguments [lassign $arguments word]
        if {$word in $values} {
            set arguments [lassign $arguments value]
            dict set found $word $value
        } elseif {[string index $word 0] eq "-"} {
            dict set found $word 1
        } else {
            dict lappend found {} $word
        }
    }
    return $found
}

proc only {found allowed} {
    foreach key [dict keys $found] {
        if {$key ne "" && $key ni $allowed} { fail "unknown option '$key'" }
    }
}

proc step {name after} {
    if {$after ne "" && $after ni [dict get $::state done]} {
        fail "$name: $after comes first"
    }
    dict lappend ::state done $name
}

proc writer {args} {
    puts [exec $::env(FAKE_PYTHON) $::env(FAKE_WRITER) {*}$args 2>@stderr]
}

proc check_part {part} {
    if {![regexp {^x[caqr][0-9a-z]+-[-0-9a-zA-Z]+$} $part]} { fail "part '$part' is not known" }
    dict set ::state part $part
}

proc create_project {args} {
    set found [words $args {-part}]
    only $found {-part -in_memory -force}
    if {[dict exists $found -part]} { check_part [dict get $found -part] }
}
proc set_part {part} { check_part $part }
proc set_param {name value} {}
proc current_project {} { return project }
proc set_property {name value args} {}
proc update_compile_order {args} {}

proc add_files {args} {
    set found [words $args {-fileset}]
    only $found {-fileset -norecurse}
    foreach name [concat {*}[dict get $found {}]] {
        if {[file isdirectory $name]} {
            dict lappend ::state files {*}[glob -nocomplain [file join $name *.v]]
        } elseif {[file exists $name]} {
            dict lappend ::state files $name
        } else {
            fail "\[Vivado 12-172\] File or Directory '$name' does not exist"
        }
    }
}
proc read_verilog {args} { add_files {*}[dict get [words $args {}] {}] }

proc read_xdc {args} {
    set found [words $args {-mode -ref -cells}]
    set name [lindex [dict get $found {}] 0]
    if {![file exists $name]} { fail "\[Common 17-55\] File '$name' does not exist" }
    uplevel #0 [list source $name]
}
proc get_ports {args} { return $args }
proc create_clock {args} {
    set found [words $args {-period -name -waveform}]
    only $found {-period -name -waveform -add}
    dict set ::state period [dict get $found -period]
}

proc synth_design {args} {
    set found [words $args {-top -part -mode -directive -flatten_hierarchy}]
    only $found {-top -part -mode -directive -flatten_hierarchy -retiming}
    if {[dict exists $found -part]} { check_part [dict get $found -part] }
    if {![dict exists $::state part]} { fail "synth_design: the part is not set" }
    if {![llength [dict get $::state files]]} { fail "synth_design: there are no sources" }
    dict set ::state top [dict get $found -top]
    writer elaborate [dict get $::state top] {*}[dict get $::state files]
    step synth_design {}
}
proc opt_design {args} { step opt_design synth_design }
proc place_design {args} { step place_design synth_design }
proc phys_opt_design {args} { step phys_opt_design place_design }
proc route_design {args} { step route_design place_design }
proc write_checkpoint {args} {
    set file [open [lindex [dict get [words $args {}] {}] 0] w]
    close $file
}

proc report {kind arguments allowed} {
    set found [words $arguments {-file}]
    only $found [concat -file $allowed]
    set done [dict get $::state done]
    if {"synth_design" ni $done} { fail "$kind: there is no design; synth_design comes first" }
    set reached [expr {"route_design" in $done ? "Routed" : "Synthesized"}]
    if {$kind eq "report_utilization" && [dict exists $found -hierarchical]} {
        set kind report_hierarchy
    }
    writer $kind [dict get $found -file] $reached [dict get $::state top] [dict get $::state part] \
        [dict get $::state period] {*}[dict get $::state files]
}
proc report_utilization {args} {
    report report_utilization $args {-hierarchical -hierarchical_percentages}
}
proc report_timing_summary {args} {
    report report_timing_summary $args {-max_paths -delay_type -no_header}
}
proc report_power {args} { report report_power $args {} }
proc close_project {args} {}
proc unknown {name args} { error "invalid command name \"$name\"" }

set argv [split $::env(FAKE_ARGV) "\n"]
set argc [llength $argv]
if {[catch {source $::env(FAKE_SCRIPT)} message]} {
    puts "$message\n    while executing \"source $::env(FAKE_SCRIPT)\""
    exit 1
}
