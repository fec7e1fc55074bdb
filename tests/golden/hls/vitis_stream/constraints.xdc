create_clock -name ap_clk -period 5 [get_ports ap_clk]
