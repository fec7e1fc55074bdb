# Vivado's commands that package an IP core. Each checks what it is given against the files and
# against what was said before; `ipx::save_core` prints the core, a line per fact.
#   tclsh ipx.tcl SCRIPT

set state [dict create part {} sources {} constraints {} top {} saved 0 checked 0]
set objects [dict create]
set count 0

proc fail {text} { error "ERROR: \[IP_Flow 19-1\] $text" }

proc want {found allowed what} {
    if {$found ni $allowed} { fail "$what '$found' is none of: [join $allowed {, }]" }
}

proc object {kind args} {
    set id "$kind#[incr ::count]"
    dict set ::objects $id [dict create kind $kind {*}$args]
    return $id
}

proc of_kind {kind owner} {
    set found {}
    dict for {id values} $::objects {
        if {[dict get $values kind] eq $kind && [dict get $values owner] eq $owner} { lappend found $id }
    }
    return $found
}

proc named {name ids} {
    foreach id $ids { if {[dict get $::objects $id name] eq $name} { return $id } }
    return ""
}

proc kind_of {id kind} {
    if {![dict exists $::objects $id] || [dict get $::objects $id kind] ne $kind} {
        fail "'$id' is not a $kind"
    }
}

# --- the project ---------------------------------------------------------------------

proc create_project {args} {
    if {[lrange $args 0 1] ne {-in_memory -part} || [llength $args] != 3} { fail "create_project $args" }
    set part [lindex $args 2]
    if {![regexp {^xc[0-9a-z]+-?[a-z]{2,4}[0-9]{3,4}-[0-9a-zA-Z-]+$} $part]} { fail "part '$part' is not known" }
    dict set ::state part $part
}

proc add_files {args} {
    set constraint 0
    while {[string index [lindex $args 0] 0] eq "-"} {
        set args [lassign $args option]
        if {$option eq "-fileset"} {
            set args [lassign $args set]
            want $set {constrs_1} fileset
            set constraint 1
        } elseif {$option ne "-norecurse"} { fail "add_files: unknown option $option" }
    }
    if {[llength $args] != 1} { fail "add_files takes one list" }
    foreach file [lindex $args 0] {
        if {![file isfile $file]} { fail "file '$file' does not exist" }
        dict lappend ::state [expr {$constraint ? "constraints" : "sources"}] $file
    }
}

proc get_files {name} {
    foreach file [concat [dict get $::state constraints] [dict get $::state sources]] {
        if {[file tail $file] eq $name} { return [object file owner {} name $name] }
    }
    fail "no file '$name' in the project"
}

proc current_fileset {} { return fileset }
proc update_compile_order {args} { want $args [list [list -fileset sources_1]] arguments }
proc close_project {} { if {![dict get $::state saved]} { fail "the core was not saved" } }

proc set_property {name value target} {
    if {$target eq "fileset"} {
        want $name top property
        read_top $value
        return
    }
    if {![dict exists $::objects $target]} { fail "set_property $name: '$target' is no object" }
    set kind [dict get $::objects $target kind]
    set allowed [dict create \
        file {USED_IN} \
        core {name version core_revision display_name description supported_families} \
        bus {bus_type_vlnv abstraction_type_vlnv interface_mode} \
        map {physical_name} parameter {value} added {type}]
    want $name [dict get $allowed $kind] "property of a $kind"
    check_value $kind $name $value $target
    dict set ::objects $target $name $value
}

proc check_value {kind name value target} {
    switch $name {
        version { if {![regexp {^[0-9]+\.[0-9]+$} $value]} { fail "version '$value'" } }
        name { if {![regexp {^[A-Za-z][A-Za-z0-9_]*$} $value]} { fail "core name '$value'" } }
        USED_IN { foreach use $value { want $use {synthesis implementation out_of_context} USED_IN } }
        supported_families { if {[llength $value] % 2} { fail "families come with a state each" } }
        physical_name { if {![dict exists $::ports $value]} { fail "the top has no port '$value'" } }
        interface_mode { want $value {slave master} interface_mode }
        type { want $value {verilogSource mem} "file type" }
        bus_type_vlnv - abstraction_type_vlnv {
            set end [expr {$name eq "bus_type_vlnv" ? "" : "_rtl"}]
            want $value [lmap bus {interface:axis signal:clock signal:reset} {
                string cat xilinx.com: $bus $end :1.0
            }] $name
        }
    }
}

proc get_property {name target} {
    if {![dict exists $::objects $target $name]} { fail "'$target' has no property $name" }
    return [dict get $::objects $target $name]
}

proc read_top {name} {
    # The ports of the top, from its Verilog.
    set ::ports [dict create]
    foreach file [dict get $::state sources] {
        set channel [open $file]
        set text [read $channel]
        close $channel
        if {[regexp "module $name \\((.*?)\\);" $text -> head]} {
            dict set ::state top $name
            foreach {- way range port} [regexp -all -inline {(input|output) wire (\[[0-9]+:0\] )?(\w+)} $head] {
                dict set ::ports $port $way
            }
        }
    }
    if {[dict get $::state top] ne $name} { fail "no module '$name' in the sources" }
}

# --- the core ------------------------------------------------------------------------

namespace eval ipx {}

proc ipx::package_project {args} {
    set options [dict create]
    foreach {option value} [lrange $args 0 end-1] { dict set options $option $value }
    if {[lindex $args end] ne "-force" || [lsort [dict keys $options]] ne {-library -root_dir -taxonomy -vendor}} {
        fail "ipx::package_project $args"
    }
    set root [dict get $options -root_dir]
    foreach file [concat [dict get $::state sources] [dict get $::state constraints]] {
        if {[string first "$root/" $file] != 0} { fail "'$file' is not below the core's folder '$root'" }
    }
    set ::root $root
    set ::core [object core owner {} name [dict get $::state top] {*}$options]
    # as Vivado does, guess interfaces from names
    object bus owner $::core name clk kind_guessed 1
}

proc ipx::current_core {} { return $::core }

proc ipx::get_bus_interfaces {option owner} {
    want $option -of_objects option
    return [of_kind bus $owner]
}

proc ipx::remove_bus_interface {name owner} {
    set id [named $name [of_kind bus $owner]]
    if {$id eq ""} { fail "no bus interface '$name'" }
    dict unset ::objects $id
}

proc ipx::add_bus_interface {name owner} {
    kind_of $owner core
    if {[named $name [of_kind bus $owner]] ne ""} { fail "bus interface '$name' is there already" }
    return [object bus owner $owner name $name]
}

proc ipx::add_port_map {name bus} {
    kind_of $bus bus
    set known [dict create axis {TDATA TVALID TREADY TLAST} clock CLK reset RST]
    set type [lindex [split [dict get $::objects $bus bus_type_vlnv] :] 2]
    want $name [dict get $known $type] "port of a $type"
    return [object map owner $bus name $name]
}

proc ipx::add_bus_parameter {name bus} {
    kind_of $bus bus
    want $name {ASSOCIATED_BUSIF ASSOCIATED_RESET FREQ_HZ POLARITY TDATA_NUM_BYTES HAS_TREADY HAS_TLAST} parameter
    return [object parameter owner $bus name $name]
}

proc ipx::get_file_groups {quiet name option owner} {
    want $quiet -quiet option
    return [named $name [of_kind group $owner]]
}

proc ipx::add_file_group {name owner} {
    kind_of $owner core
    want $name {xilinx_testbench} "file group"
    return [object group owner $owner name $name]
}

proc ipx::add_file {name group} {
    kind_of $group group
    if {[file pathtype $name] ne "relative" || ![file isfile [file join $::root $name]]} { fail "no file '$name' in the core" }
    return [object added owner $group name $name]
}

proc ipx::create_xgui_files {owner} { kind_of $owner core }
proc ipx::update_checksums {owner} { kind_of $owner core }

proc ipx::check_integrity {owner} {
    set resets {}
    set streams {}
    foreach bus [of_kind bus $owner] {
        foreach need {bus_type_vlnv abstraction_type_vlnv interface_mode} { get_property $need $bus }
        if {![llength [of_kind map $bus]]} { fail "bus interface [get_property name $bus] has no ports" }
        foreach map [of_kind map $bus] { get_property physical_name $map }
        set type [lindex [split [get_property bus_type_vlnv $bus] :] 2]
        if {$type eq "reset"} { lappend resets [get_property name $bus] }
        if {$type eq "axis"} { lappend streams [get_property name $bus] }
    }
    foreach bus [of_kind bus $owner] {
        foreach parameter [of_kind parameter $bus] {
            set value [get_property value $parameter]
            switch [get_property name $parameter] {
                ASSOCIATED_RESET { want $value $resets "associated reset" }
                ASSOCIATED_BUSIF { foreach name [split $value :] { want $name $streams "associated bus" } }
                POLARITY { want $value {ACTIVE_HIGH ACTIVE_LOW} polarity }
            }
        }
    }
    dict set ::state checked 1
}

proc ipx::save_core {owner} {
    if {![dict get $::state checked]} { fail "the core was not checked" }
    dict set ::state saved 1
    foreach name {-vendor -library name version display_name} { puts "core $name [get_property $name $owner]" }
    foreach bus [of_kind bus $owner] {
        set name [get_property name $bus]
        puts "bus $name [get_property bus_type_vlnv $bus] [get_property abstraction_type_vlnv $bus] [get_property interface_mode $bus]"
        foreach map [of_kind map $bus] { puts "map $name [get_property name $map] [get_property physical_name $map]" }
        foreach parameter [of_kind parameter $bus] { puts "parameter $name [get_property name $parameter] [get_property value $parameter]" }
    }
    foreach file [dict get $::state sources] { puts "source [string range $file [string length "$::root/"] end]" }
    foreach group [of_kind group $owner] {
        foreach file [of_kind added $group] { puts "bench [get_property name $file]" }
    }
}

source [lindex $argv 0]
if {![dict get $state saved]} { fail "the core was not saved" }
